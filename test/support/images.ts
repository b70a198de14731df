import { createReadStream } from 'node:fs'
import type Docker from 'dockerode'
import { definitionHash, definitionLabel, type ImageDefinition, withArchive } from './image-archive.ts'

const page = { text: 'hello from the target\n' }
const serve = ['-f', '-p', '8080', '-h', '/www']
// busybox decides by its own name what it is, so a copy named httpd is a static web server and nothing else.
const web = {
  files: { '/httpd': 'busybox', '/www/hello.txt': page },
  user: '65532:65532',
  entrypoint: ['/httpd', ...serve],
} as const
// Nobody but root: an engine would complete a uid without a gid from here, and a test would miss the missing gid.
const passwd = 'root:x:0:0:root:/root:/bin/sh\n'

/** Every image that the tests use, by the name in front of `:1`. None of them comes from a registry. */
export const images = {
  /** The tools: every applet of busybox. */
  toolbox: {
    files: {
      '/etc/passwd': { text: passwd },
      '/etc/group': { text: 'root:x:0:\n' },
      '/tmp': { directory: 0o1777 },
      '/bin/busybox': 'busybox',
    },
    cmd: ['/bin/sh'],
  },
  /** One file and its applets: no /tmp, no /etc. */
  'toolbox-bare': { files: { '/bin/busybox': 'busybox' }, cmd: ['/bin/sh'] },
  /** The seed case: one static binary, no shell, no /etc, no /tmp. */
  web,
  /** Its user is a name that only its own passwd knows. */
  'web-named': {
    ...web,
    files: {
      ...web.files,
      '/etc/passwd': { text: 'web:x:4711:4712::/:/none\n' },
      '/etc/group': { text: 'web:x:4712:\n' },
    },
    user: 'web',
  },
  /** Configured as root, drops privileges and executes the server, as gosu does. */
  'web-gosu': {
    ...web,
    files: {
      ...web.files,
      '/start-stop-daemon': 'busybox',
      '/etc/passwd': { text: 'web:x:65532:65532::/:/none\n' },
    },
    user: '',
    entrypoint: ['/start-stop-daemon', '-S', '-c', 'web', '-x', '/httpd', '--', ...serve],
  },
  /** An init as root, and below it the server as another user. */
  'web-init': {
    ...web,
    files: {
      ...web.files,
      '/init': 'busybox',
      '/start-stop-daemon': 'busybox',
      '/etc/inittab': { text: `::once:/start-stop-daemon -S -c web -x /httpd -- ${serve.join(' ')}\n` },
      '/etc/passwd': { text: 'web:x:65532:65532::/:/none\n' },
    },
    user: '',
    entrypoint: ['/init'],
  },
  /** Configured as root, drops privileges without an exec, so that the kernel hides it even from its own user. */
  'web-undumpable': { ...web, user: '', entrypoint: ['/httpd', '-u', '65532:65532', ...serve] },
  /** Its configuration says arm64; it runs all the same. */
  'web-arm64': { ...web, architecture: 'arm64' },
  'toolbox-arm64': { files: { '/bin/busybox': 'busybox' }, cmd: ['/bin/sh'], architecture: 'arm64' },
} as const satisfies Record<string, ImageDefinition>

export type ImageName = keyof typeof images

export const imageNames = Object.keys(images) as ImageName[]

/** The reference of a test image on an engine that has it. */
export function imageRef(name: ImageName): string {
  return `hatchway-test/${name}:1`
}

/** Sees to it that the engine has these images, and as they are defined here. */
export async function ensureImages(docker: Docker, ...names: ImageName[]): Promise<void> {
  for (const name of names) {
    const definition: ImageDefinition = images[name]
    const there = await docker
      .getImage(imageRef(name))
      .inspect()
      .catch(() => undefined)
    if (there?.Config?.Labels?.[definitionLabel] === definitionHash(definition)) continue
    await loadImage(docker, imageRef(name), definition)
  }
}

/** Builds an image and gives it to the engine. */
export async function loadImage(docker: Docker, ref: string, definition: ImageDefinition): Promise<void> {
  const said: string[] = []
  await withArchive(ref, definition, async (path) => {
    for await (const chunk of await docker.loadImage(createReadStream(path))) said.push(String(chunk))
  })
  await docker
    .getImage(ref)
    .inspect()
    .catch(() => {
      throw new Error(`The engine did not load ${ref}: ${said.join('')}`)
    })
}
