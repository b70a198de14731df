import type { ContainerCreateOptions, ContainerInspectInfo } from 'dockerode'
import type { DebugSpec } from '../../core/debug-container.ts'
import { DockerClient, type Engine } from './client.ts'
import type { RunAs } from './identity.ts'
import { findRoot, launcherArgv } from './launch.ts'

/** What one debug container may use; it is outside the target's own limits. */
export interface DebugResources {
  memoryBytes: number
  nanoCpus: number
  pids: number
}

export const labels = {
  session: 'hatchway.session',
  installation: 'hatchway.installation',
  user: 'hatchway.user',
  deadline: 'hatchway.deadline',
  target: 'hatchway.target',
} as const

/** Of the debug container of a session: a reference, and part of the proof that it is one. */
export function containerName(sessionId: string): string {
  return `hatchway-${sessionId}`
}

interface ContainerPlan {
  spec: DebugSpec
  /** Without a tty it gets no input, and its output comes in frames. */
  tty: boolean
  target: ContainerInspectInfo
  runAs: RunAs
  imageId: string
  /** Of the image. */
  architecture: string
  resources: DebugResources
  engine: Engine
}

// busybox asks the kernel for `\w` at each prompt and complains in directories of other mount namespaces;
// the shell's own variable is always right.
const prompt = '$PWD \\$ '
// Shown when the choice of identity promised files that the kernel then refused.
const unexpectedlyUnseen =
  "The target's files cannot be seen from here: its process hides them. The profile general would see them."

/** The whole create request. Everything in it is ours or the target's; nothing is the user's but argv and labels. */
export function containerBody(plan: ContainerPlan): ContainerCreateOptions {
  const { spec, tty, target, runAs, imageId, architecture } = plan
  const { identity } = runAs
  const argv = launcherArgv({
    deadlineSeconds: spec.maxDurationMs / 1000,
    architecture,
    root: rootOf(target, runAs),
    unseen: identity.seesFiles ? unexpectedlyUnseen : identity.explanation,
    interactive: tty && spec.command === undefined,
    ...(spec.cwd !== undefined && { cwd: spec.cwd }),
    // A shell asks for the size at each prompt and hears of changes; a command may ask once, at once.
    sized: !tty || givesSize(plan.engine) || spec.command === undefined,
    argv: spec.command ?? spec.toolbox.shell,
  })
  return {
    Image: imageId,
    Entrypoint: argv.slice(0, 1),
    Cmd: argv.slice(1),
    User: runAs.user,
    WorkingDir: '/',
    Tty: tty,
    OpenStdin: tty,
    StdinOnce: false,
    AttachStdin: tty,
    AttachStdout: true,
    AttachStderr: true,
    Env: [
      ...(tty ? ['TERM=xterm-256color'] : []),
      `PS1=${prompt}`,
      `HATCHWAY_SESSION=${spec.sessionId}`,
      `HATCHWAY_USER=${spec.user}`,
    ],
    Labels: {
      [labels.session]: spec.sessionId,
      [labels.installation]: spec.installation,
      [labels.user]: spec.user,
      [labels.deadline]: new Date(Date.now() + spec.maxDurationMs).toISOString(),
      [labels.target]: target.Id,
    },
    // A health check of the toolbox image would run beside the shell, in the target's namespaces.
    Healthcheck: { Test: ['NONE'] },
    HostConfig: hostConfig(plan),
  }
}

function hostConfig({
  spec,
  tty,
  target,
  runAs,
  resources,
  engine,
}: ContainerPlan): ContainerCreateOptions['HostConfig'] {
  const join = `container:${target.Id}`
  return {
    PidMode: join,
    NetworkMode: join,
    Privileged: runAs.privileged,
    CapAdd: [...runAs.capabilities.add],
    CapDrop: [...runAs.capabilities.drop],
    GroupAdd: runAs.identity.groups.map(String),
    SecurityOpt: [...runAs.securityOptions],
    AutoRemove: true,
    RestartPolicy: { Name: 'no' },
    // Anything else keeps a second copy of the session on the Docker host.
    LogConfig: { Type: 'none', Config: {} },
    Memory: resources.memoryBytes,
    NanoCpus: resources.nanoCpus,
    PidsLimit: resources.pids,
    Init: false,
    ReadonlyRootfs: false,
    // Its own, for whoever it runs as and whatever the image has there: in memory, which its own limit counts.
    Tmpfs: { '/tmp': `rw,exec,nosuid,nodev,mode=1777,size=${Math.floor(resources.memoryBytes / 2)}` },
    ...(tty && givesSize(engine) ? { ConsoleSize: [spec.size.rows, spec.size.cols] } : {}),
  }
}

/** The target's files as the debug container sees them; what does not exist where they can't be named. */
function rootOf({ HostConfig, State }: ContainerInspectInfo, { place }: RunAs): string {
  const mode = HostConfig.PidMode ?? ''
  if (mode.startsWith('container:')) return '/proc/0/root'
  // The files are those of the first process; who may look at them through which one is decided for each.
  if (place !== undefined && 'pid' in place) return `/proc/${place.pid}/root`
  // By its name it would be looked for among all of the host's.
  if (mode === 'host') return `/proc/${State.Pid}/root`
  return place === undefined ? '/proc/1/root' : findRoot(place)
}

/** Since API 1.42 the size at the creation counts; older engines ignore it (moby#43593). */
function givesSize(engine: Engine): boolean {
  return DockerClient.atLeast(engine, '1.42')
}
