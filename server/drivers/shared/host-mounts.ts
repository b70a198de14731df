/** What of its host a container gets by what is mounted into it. Pure; the same for Docker and Kubernetes. */
import { posix } from 'node:path'
import type { TargetFact } from '../../core/vocabulary.ts'

export interface HostMount {
  /** On the host. */
  source: string
  /** In the container. */
  destination: string
  writable: boolean
}

/**
 * Where engines listen, by default and on the usual distributions: Docker, containerd, CRI-O, Podman, BuildKit, k3s, k0s,
 * microk8s, LXD, Incus. `/var/run` is `/run` (FHS 3.0, 3.15).
 */
const sockets: readonly string[] = [
  '/run/docker.sock',
  '/run/containerd/containerd.sock',
  '/run/crio/crio.sock',
  '/run/podman/podman.sock',
  '/run/buildkit/buildkitd.sock',
  '/run/cri-dockerd.sock',
  '/run/dockershim.sock',
  '/run/k3s/containerd/containerd.sock',
  '/run/k0s/containerd.sock',
  '/run/incus/unix.socket',
  '/var/lib/incus/unix.socket',
  '/var/lib/lxd/unix.socket',
  '/var/snap/lxd/common/lxd/unix.socket',
  '/var/snap/microk8s/common/run/containerd.sock',
]
/** An engine's own directories: whatever listens below them takes orders. */
const engineDirectories: readonly RegExp[] = [
  /^\/run\/(docker|containerd|crio|podman|buildkit|k3s|k0s|incus)(\/|$)/,
  /^\/run\/user(\/\d+)?(\/(docker|podman|containerd|containerd-rootless|buildkit)(\/.*)?)?$/,
  /\/\.(docker|colima|rd|lima|orbstack)(\/(run|default|desktop))?$/,
]
/** Whatever directory they are in, and whatever they are called on one of the two sides. */
const socketName =
  /^(docker|containerd|crio|podman|cri-?dockerd|dockershim|buildkitd|kubelet)[\w.-]*\.sock(et)?$/

/** Reading them is power enough: keys, passwords, other containers' files, the kernel's and other programs' doors. */
const sensitive: readonly string[] = [
  '/boot',
  '/dev',
  '/etc/cni',
  '/etc/containerd',
  '/etc/crio',
  '/etc/docker',
  '/etc/gshadow',
  '/etc/kubernetes',
  '/etc/rancher',
  '/etc/shadow',
  '/etc/ssh',
  '/etc/ssl/private',
  '/etc/sudoers',
  '/etc/sudoers.d',
  '/proc',
  '/root',
  '/run',
  '/sys',
  '/var/lib/containerd',
  '/var/lib/containers',
  '/var/lib/docker',
  '/var/lib/etcd',
  '/var/lib/kubelet',
  '/var/lib/rancher',
  '/var/lib/incus',
  '/var/lib/lxd',
  '/var/log',
]
/** Of a person's home, itself and its hidden files; not what else somebody keeps there. */
const homes = /^\/home(\/[^/]+(\/\..*)?)?$/
/** Files of /dev that are nothing to anybody. */
const harmless = /^\/dev\/(null|zero|full|random|urandom)$/

/**
 * `engineSocket` for an engine's socket, or a directory that holds one, read-only or not: a socket can be connected to all the
 * same. `hostPath` for what else of the host can be written, or is {@link sensitive}. Nothing for a file that is only read.
 * `own` are further sockets: those by which this gateway reaches an engine.
 */
export function factsOfMount(mount: HostMount, own: readonly string[] = []): TargetFact[] {
  const source = onHost(mount.source)
  const known = [...sockets, ...own.map(onHost)]
  const isSocket =
    known.includes(source) ||
    [source, mount.destination].some((path) => socketName.test(posix.basename(path)))
  if (isSocket) return ['engineSocket']
  const holdsSocket =
    known.some((socket) => isWithin(socket, source)) || engineDirectories.some((known) => known.test(source))
  const isPower = !harmless.test(source) && (mount.writable || isSensitive(source))
  return [...(isPower ? (['hostPath'] as const) : []), ...(holdsSocket ? (['engineSocket'] as const) : [])]
}

/** Devices that give a container nothing of other programs or of the host's disks. */
const plainDevices =
  /^\/dev\/(null|zero|full|random|urandom|tty|fuse|kvm|net\/tun|dri\/\w+|snd\/\w+|nvidia[\w-]*|kfd|rtc\d*|tty(USB|ACM)\d+)$/

/** A device of the host that is handed to a container. */
export function factsOfDevice(path: string): TargetFact[] {
  return plainDevices.test(posix.normalize(path)) ? [] : ['hostPath']
}

/** One name for one place: without `..`, without the ways round by `/var/run` and by a process's root. */
function onHost(path: string): string {
  const plain = posix.resolve('/', path).replace(/^(\/proc\/(\d+|self|thread-self)\/(root|cwd))+(?=\/|$)/, '')
  return plain.replace(/^\/var\/run(?=\/|$)/, '/run') || '/'
}

function isWithin(path: string, directory: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`)
}

function isSensitive(source: string): boolean {
  return homes.test(source) || sensitive.some((path) => isWithin(path, source) || isWithin(source, path))
}
