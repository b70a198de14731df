import { BrowserGateway } from './browser-gateway.ts'
import { ensureClusterImages, type TestCluster } from './cluster.ts'
import { imageRef } from './images.ts'

/** What nobody serves, so that a kubelet has something to say. */
export const missingImage = '127.0.0.1:1/hatchway-test/missing:1'

/** A gateway for browsers before the test cluster, as environment `prod`, with a toolbox and one whose image can't be had. */
export async function startBrowserGateway(cluster: TestCluster): Promise<BrowserGateway> {
  await ensureClusterImages(cluster, 'toolbox', 'web')
  return BrowserGateway.start({
    config: {
      environments: [{ id: 'prod', kind: 'kubernetes', kubeconfig: cluster.kubeconfig }],
      toolboxes: [
        { name: 'busybox', image: imageRef('toolbox'), shell: ['/bin/sh'] },
        { name: 'missing', image: missingImage, shell: ['/bin/sh'] },
      ],
    },
  })
}
