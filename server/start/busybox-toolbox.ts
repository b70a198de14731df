import { execFile } from 'node:child_process'
import { access, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { DockerClient } from '../drivers/docker/client.ts'
import { importImage } from '../drivers/docker/images.ts'
import type { TarEntry } from '../drivers/docker/tar.ts'
import type { BuiltinToolbox } from '../drivers/docker/toolbox.ts'

const run = promisify(execFile)

/**
 * A toolbox of busybox's own tools, for a first start where no registry answers. `busybox` is the path of a static one on this host, run
 * once for the list of its applets.
 */
export function busyboxToolbox(image: string, busybox: string): BuiltinToolbox {
  return {
    image,
    async build(client, signal) {
      const isThere = await access(busybox).then(
        () => true,
        () => false,
      )
      if (!isThere) return undefined
      await build(client, image, busybox, signal)
      return `The image ${image} could not be pulled, so this toolbox was built from the gateway host's own busybox.`
    },
  }
}

async function build(client: DockerClient, name: string, path: string, signal: AbortSignal): Promise<void> {
  const [binary, { stdout }] = await Promise.all([
    readFile(path),
    run(path, ['--list'], { signal, timeout: 10_000 }),
  ])
  const applets = stdout
    .split('\n')
    .filter((applet) => /^[a-z0-9_.[-]+$/i.test(applet) && applet !== 'busybox')
  const files: TarEntry[] = [
    { path: '/bin', directory: true },
    { path: '/bin/busybox', mode: 0o755, content: binary },
    ...applets.map((applet) => ({ path: `/bin/${applet}`, symlink: 'busybox' })),
    { path: '/etc', directory: true },
    {
      path: '/etc/passwd',
      content: 'root:x:0:0:root:/root:/bin/sh\nnonroot:x:65532:65532:nonroot:/tmp:/bin/sh\n',
    },
    { path: '/etc/group', content: 'root:x:0:\nnonroot:x:65532:\n' },
    { path: '/root', directory: true, mode: 0o700 },
    { path: '/tmp', directory: true, mode: 0o1777 },
  ]
  const config = { User: '65532:65532', Cmd: ['/bin/sh'], Env: { PATH: '/bin' } }
  await importImage(client, { name, files, config }, signal)
}
