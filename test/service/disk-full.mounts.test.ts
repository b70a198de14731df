import { join } from 'node:path'
import { it } from 'node:test'
import { onSmallDisk } from '../support/small-disk.ts'

it('loses nothing, and lets nothing happen untold, at any moment in which the disk may become full', async () => {
  await onSmallDisk(process.execPath, join(import.meta.dirname, 'disk-full-moments.ts'))
})
