/** REST bodies about runbooks. */
import { z } from 'zod'

export const runbook = z.object({
  name: z.string(),
  steps: z.array(
    z.object({
      text: z.string().optional().describe('plain text, may have several lines'),
      command: z.string().optional().describe('one printable line, without a line end'),
    }),
  ),
})
export type Runbook = z.infer<typeof runbook>

export const runbookList = z.object({ items: z.array(runbook) })
export type RunbookList = z.infer<typeof runbookList>
