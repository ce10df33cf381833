import { type Cancellable, type Clock, hasCode } from '#base'
import { BackendError } from './errors.ts'
import type { HttpResponse } from './http-client.ts'
import type { fileDetails } from './layout.ts'
import { Refused, type S3Connection } from './s3-connection.ts'

/** Refusals whose reason only another request brings to light. */

interface Target {
  readonly Bucket: string
  readonly Key: string
}

interface ExplainOptions extends Cancellable {
  readonly refused: Refused
}

/** An answer to HEAD has no words: the same is asked with a method that has. */
export async function explainHead(
  connection: S3Connection,
  target: Target,
  { refused, signal }: ExplainOptions,
): Promise<BackendError> {
  const { error, refusal } = refused
  if (!hasCode(error, 'ACCESS_DENIED') && refusal.status !== 400) return error
  try {
    const asked = { ...target, Range: 'bytes=0-0' }
    const { Body } = await connection.call((client, call) => client.getObject(asked, call), { signal })
    ;(Body as HttpResponse['body'] | undefined)?.destroy()
  } catch (thrown) {
    if (thrown instanceof Refused && thrown.refusal.code !== 'NoSuchKey') return thrown.error
  }
  return error
}

export interface ExplainDeleteOptions extends ExplainOptions {
  readonly held: ReturnType<typeof fileDetails> & { readonly clock: Clock }
}

/** Is it the rights of the keys, or does the bucket hold on to the file? */
export async function explainDelete(
  connection: S3Connection,
  target: Target,
  { refused, held: { clock, ...about }, signal }: ExplainDeleteOptions,
): Promise<BackendError> {
  const { error, refusal } = refused
  const locked = (reason: string) => new BackendError('S3_OBJECT_LOCKED', { ...about, reason })
  const saysSo = /object.?lock|WORM|retention|legal hold|immutable/i.test(`${refusal.code} ${refusal.message}`)
  if (saysSo) return locked(refusal.message || refusal.code)
  if (!hasCode(error, 'ACCESS_DENIED')) return error
  const stored = await connection
    .call((client, call) => client.headObject(target, call), { signal })
    .catch(() => undefined)
  const until = stored?.ObjectLockRetainUntilDate
  if (until && until.getTime() > clock.now()) return locked(`until ${until.toISOString().slice(0, 10)}`)
  return stored?.ObjectLockLegalHoldStatus === 'ON' ? locked('a legal hold') : error
}
