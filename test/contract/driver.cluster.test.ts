import { testCluster } from '../support/cluster.ts'
import { kubernetesGround } from '../support/kubernetes-ground.ts'
import { driverContract } from './driver.ts'

const cluster = await testCluster()
driverContract({ name: 'Kubernetes', start: () => kubernetesGround(cluster) })
