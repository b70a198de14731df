import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const busybox = '/bin/busybox'

/** The label of an image that holds the hash of its definition. */
export const definitionLabel = 'hatchway-test.definition'

/** A file of a test image: text, bytes, or a copy of busybox under another name; or a directory with a mode. */
type ImageFile = 'busybox' | { text: string } | { bytes: Buffer } | { directory: number }

export interface ImageDefinition {
  files: Readonly<Record<string, ImageFile>>
  user?: string
  entrypoint?: readonly string[]
  cmd?: readonly string[]
  architecture?: 'amd64' | 'arm64'
}

/** What tells one definition from another. */
export function definitionHash(definition: ImageDefinition): string {
  return createHash('sha256').update(JSON.stringify(definition)).digest('hex')
}

/**
 * Builds a `docker save` archive (one layer, one configuration), which Docker engines and containerd both take, and
 * gives its path to `use`; it is gone afterwards.
 */
export async function withArchive<T>(
  ref: string,
  definition: ImageDefinition,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const staging = await mkdtemp(join(tmpdir(), 'hatchway-image-'))
  const whole = `${staging}.tar`
  try {
    const tree = join(staging, 'tree')
    await mkdir(tree)
    for (const [path, file] of Object.entries(definition.files)) await place(join(tree, path), file)
    if ('/bin/busybox' in definition.files) await linkApplets(join(tree, 'bin'))
    await archive(tree, join(staging, 'layer.tar'))
    await rm(tree, { recursive: true })
    await writeFile(join(staging, 'config.json'), JSON.stringify(await configuration(staging, definition)))
    const manifest = [{ Config: 'config.json', RepoTags: [ref], Layers: ['layer.tar'] }]
    await writeFile(join(staging, 'manifest.json'), JSON.stringify(manifest))
    await archive(staging, whole)
    return await use(whole)
  } finally {
    await rm(staging, { recursive: true, force: true })
    await rm(whole, { force: true })
  }
}

async function configuration(staging: string, definition: ImageDefinition): Promise<unknown> {
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
      Labels: { [definitionLabel]: definitionHash(definition) },
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
