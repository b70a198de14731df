# Stands in for node:24-*: a Debian rootfs, gcc, the pinned Node, npm, and this machine's certificate authorities.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
ARG NPM_REGISTRY
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends gcc
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
  && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt NPM_CONFIG_REGISTRY=${NPM_REGISTRY}
CMD ["node"]
