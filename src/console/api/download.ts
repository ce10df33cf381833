import type { FoundFile } from '#protocol'
import { failureIn } from './failure.ts'
import { saveAs } from './save-as.ts'
import { reach } from './send.ts'

interface Wanted {
  readonly file: Pick<FoundFile, 'machine' | 'rawPath'>
  readonly snapshot: string
  /** Stands in the audit log. */
  readonly reason: string
  /** Under which it is kept, should the server name none. */
  readonly name: string
}

/** Has the browser keep a file of a recovery point, or a folder as an archive. Throws `ApiFailure`s. */
export async function download({ file, snapshot, reason, name }: Wanted): Promise<void> {
  const url = `/api/machines/${file.machine}/snapshots/${encodeURIComponent(snapshot)}/download`
  const answer = await reach(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ rawPath: file.rawPath, reason }),
  })
  if (!answer.ok) throw failureIn(await answer.text(), answer.status)
  saveAs(await answer.blob(), nameIn(answer.headers.get('content-disposition')) ?? name)
}

/** The name that the server gives the file (RFC 6266), as UTF-8. */
function nameIn(disposition: string | null): string | undefined {
  const written = /filename\*=UTF-8''([^;]+)/.exec(disposition ?? '')?.[1]
  return written === undefined ? undefined : decodeURIComponent(written)
}
