import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { factsOfDevice, factsOfMount } from '../../server/drivers/shared/host-mounts.ts'

const socket = ['engineSocket']
const both = ['hostPath', 'engineSocket']
const path = ['hostPath']
const nothing: string[] = []

// Source on the host, whether it can be written, what that is.
const mounts: [string, boolean, string[]][] = [
  ['/var/run/docker.sock', true, socket],
  ['/run/docker.sock', false, socket],
  ['/run/containerd/containerd.sock', false, socket],
  ['/run/crio/crio.sock', true, socket],
  ['/run/podman/podman.sock', true, socket],
  ['/run/user/1000/podman/podman.sock', true, socket],
  ['/run/user/1000/docker.sock', false, socket],
  ['/run/k3s/containerd/containerd.sock', false, socket],
  ['/var/lib/kubelet/device-plugins/kubelet.sock', false, socket],
  ['/home/ada/.colima/default/docker.sock', false, socket],
  ['/srv/engine/own.sock', false, socket],
  ['/proc/1/root/run/docker.sock', true, socket],
  ['/run/../var/run//docker.sock', true, socket],
  ['/', true, both],
  ['/', false, both],
  ['/run', false, both],
  ['/var/run/', false, both],
  ['/run/containerd', false, both],
  ['/run/containerd/s', false, both],
  ['/run/user', false, both],
  ['/run/user/1000', false, both],
  ['/srv/engine', false, ['engineSocket']],
  ['/srv/engine', true, both],
  ['/home/ada/.docker', false, both],
  ['/var/lib/docker/volumes', false, path],
  ['/var', false, ['hostPath', 'engineSocket']],
  ['/etc', false, path],
  ['/etc/shadow', false, path],
  ['/etc/kubernetes/admin.conf', false, path],
  ['/root/.kube/config', false, path],
  ['/home', false, path],
  ['/home/ada', false, path],
  ['/home/ada/.ssh', false, path],
  ['/proc', false, path],
  ['/sys/fs/cgroup', false, path],
  ['/dev/sda', false, path],
  ['/var/log', false, path],
  ['/srv/data', true, path],
  ['/etc/localtime', true, path],
  ['/etc/localtime', false, nothing],
  ['/etc/nginx/nginx.conf', false, nothing],
  ['/etcetera', false, nothing],
  ['/home/ada/project/nginx.conf', false, nothing],
  ['/srv/data', false, nothing],
  ['/runner/docker', false, nothing],
  ['/dev/null', true, nothing],
]

describe('what a mount gives a container of its host', () => {
  for (const [source, writable, expected] of mounts) {
    it(`${source}, ${writable ? 'writable' : 'read-only'}: ${expected.join(' and ') || 'nothing'}`, () => {
      const mount = { source, writable, destination: '/mnt/there' }
      assert.deepEqual(factsOfMount(mount, ['/srv/engine/own.sock']), expected)
    })
  }

  it('knows a socket by what it is called inside, too', () => {
    const source = '/run/host-services/proxy'
    assert.deepEqual(factsOfMount({ source, writable: false, destination: '/var/run/docker.sock' }), socket)
  })

  it('tells devices that are nothing to others from disks and memory', () => {
    for (const device of ['/dev/null', '/dev/fuse', '/dev/net/tun', '/dev/dri/card0', '/dev/ttyUSB0'])
      assert.deepEqual(factsOfDevice(device), [], device)
    for (const device of ['/dev/sda', '/dev/nvme0n1', '/dev/mem', '/dev/kmsg', '/dev', '/dev/dri/../sda'])
      assert.deepEqual(factsOfDevice(device), path, device)
  })
})
