import { lazyPart } from '../components/lazy-part.tsx'
import { closeLinkDialog, useLinkRequest } from '../lib/link-request.ts'

const LinkDialog = lazyPart(async () => (await import('./link-dialog.tsx')).LinkDialog, {
  close: closeLinkDialog,
})

/** Shows the dialog when somebody asks for a link. Its code comes with the first one. */
export function LinkDialogHost() {
  const request = useLinkRequest()
  return request === undefined ? null : <LinkDialog request={request} />
}
