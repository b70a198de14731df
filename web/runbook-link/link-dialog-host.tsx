import { lazy, Suspense } from 'react'
import { useLinkRequest } from './link-request.ts'

const LinkDialog = lazy(async () => ({ default: (await import('./link-dialog.tsx')).LinkDialog }))

/** Shows the dialog when somebody asks for a link. Its code comes with the first one. */
export function LinkDialogHost() {
  const request = useLinkRequest()
  if (request === undefined) return null
  return (
    <Suspense>
      <LinkDialog request={request} />
    </Suspense>
  )
}
