import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type Docker from 'dockerode'

const run = promisify(execFile)
const busybox = '/bin/busybox'
const made = 'hatchway-test.definition'

/** A file of a test image: text, bytes, or a copy of busybox under another name; or a directory with a mode. */
type ImageFile = 'busybox' | { text: string } | { bytes: Buffer } | { directory: number }

export interface ImageDefinition {
  files: Readonly<Record<string, ImageFile>>
  user?: string
  entrypoint?: readonly string[]
  cmd?: readonly string[]
  architecture?: 'amd64' | 'arm64'
}

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
  /** Configured as root, drops privileges without an exec, so that the kernel hides it even from its own user. */
  'web-undumpable': { ...web, user: '', entrypoint: ['/httpd', '-u', '65532:65532', ...serve] },
  /** Its configuration says arm64; it runs all the same. */
  'web-arm64': { ...web, architecture: 'arm64' },
  'toolbox-arm64': { files: { '/bin/busybox': 'busybox' }, cmd: ['/bin/sh'], architecture: 'arm64' },
} as const satisfies Record<string, ImageDefinition>

export type ImageName = keyof typeof images

/** The reference of a test image on an engine that has it. */
export function imageRef(name: ImageName): string {
  return `hatchway-test/${name}:1`
}

/** Sees to it that the engine has these images, and as they are defined here. */
export async function ensureImages(docker: Docker, ...names: ImageName[]): Promise<void> {
  for (const name of names) {
    const definition: ImageDefinition = images[name]
    const hash = createHash('sha256').update(JSON.stringify(definition)).digest('hex')
    const there = await docker
      .getImage(imageRef(name))
      .inspect()
      .catch(() => undefined)
    if (there?.Config?.Labels?.[made] === hash) continue
    await loadImage(docker, imageRef(name), definition, hash)
  }
}

/** Builds a `docker save` archive (one layer, one configuration) and loads it. */
export async function loadImage(
  docker: Docker,
  ref: string,
  definition: ImageDefinition,
  hash = '',
): Promise<void> {
  const staging = await mkdtemp(join(tmpdir(), 'hatchway-image-'))
  try {
    const tree = join(staging, 'tree')
    await mkdir(tree)
    for (const [path, file] of Object.entries(definition.files)) await place(join(tree, path), file)
    if ('/bin/busybox' in definition.files) await linkApplets(join(tree, 'bin'))
    await archive(tree, join(staging, 'layer.tar'))
    await rm(tree, { recursive: true })
    await writeFile(
      join(staging, 'config.json'),
      JSON.stringify(await configuration(staging, definition, hash)),
    )
    const manifest = [{ Config: 'config.json', RepoTags: [ref], Layers: ['layer.tar'] }]
    await writeFile(join(staging, 'manifest.json'), JSON.stringify(manifest))
    const whole = `${staging}.tar`
    await archive(staging, whole)
    const reply = await docker.loadImage(createReadStream(whole))
    await rm(whole)
    const said: string[] = []
    for await (const chunk of reply) said.push(String(chunk))
    await docker
      .getImage(ref)
      .inspect()
      .catch(() => {
        throw new Error(`The engine did not load ${ref}: ${said.join('')}`)
      })
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

async function configuration(staging: string, definition: ImageDefinition, hash: string): Promise<unknown> {
  const layer = await readFile(join(staging, 'layer.tar'))
  return {
    architecture: definition.architecture ?? (process.arch === 'arm64' ? 'arm64' : 'amd64'),
    os: 'linux',
    created: '2026-01-01T00:00:00Z',
    config: {
      User: definition.user ?? '',
      Entrypoint: definition.entrypoint ?? null,
      Cmd: definition.cmd ?? null,
      Env: ['PATH=/bin'],
      Labels: { [made]: hash },
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(layer).digest('hex')}`] },
  }
}

async function place(path: string, file: ImageFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  if (file === 'busybox') {
    await copyFile(busybox, path)
    await chmod(path, 0o755)
  } else if ('text' in file) {
    await writeFile(path, file.text)
  } else if ('bytes' in file) {
    await writeFile(path, file.bytes)
  } else {
    await mkdir(path)
    await chmod(path, file.directory)
  }
}

async function linkApplets(directory: string): Promise<void> {
  const { stdout } = await run(busybox, ['--list'])
  const applets = stdout.split('\n').filter((name) => name !== '' && name !== 'busybox')
  for (const applet of applets) await symlink('busybox', join(directory, applet))
}

async function archive(directory: string, file: string): Promise<void> {
  await run('tar', ['-C', directory, '--owner=0', '--group=0', '--numeric-owner', '-cf', file, '.'])
}
