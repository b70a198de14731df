# Stands in for gcr.io/distroless/nodejs24-*:nonroot: the same paths, user, entry point and lack of a shell.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE} AS files
COPY node /out/nodejs/bin/node
RUN ldd /out/nodejs/bin/node | grep -o '/[^ ]*' | xargs -I '{}' cp --dereference --parents '{}' /out \
  && cp --dereference --parents /etc/ssl/certs/ca-certificates.crt /etc/nsswitch.conf /etc/debian_version /out \
  && echo 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >/out/etc/passwd \
  && echo 'root:x:0:\nnonroot:x:65532:' >/out/etc/group \
  && mkdir -p /out/home/nonroot /out/tmp && chmod 1777 /out/tmp && chown 65532:65532 /out/home/nonroot

FROM scratch
COPY --from=files /out /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
USER 65532
WORKDIR /home/nonroot
ENTRYPOINT ["/nodejs/bin/node"]
