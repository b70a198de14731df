/** A gateway whose terminals are scripted, as a process of its own: `scripted-gateway.ts CONFIG`. */
import { once } from 'node:events'
import { loadConfig } from '../../server/config/config.ts'
import { serve } from '../../server/start/serve.ts'
import { echoDriver } from '../drivers/echo-driver.ts'

const config = loadConfig({ path: process.argv[2] ?? '', env: process.env })
const gateway = await serve(config, (_, { id }, installation) => echoDriver(id, installation))
process.stdout.write(`${gateway.url}\n`)
await once(process, 'SIGTERM')
await gateway.close()
