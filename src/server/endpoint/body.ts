import type { IncomingMessage } from 'node:http'
import { EndpointError } from './errors.ts'
import type { Body } from './storage.ts'

/** Of an upload that was refused, so many bytes are taken in and thrown away: a client that still sends reads no answer. */
const mostDiscarded = 256 << 20

/**
 * The body of a request as it comes. By events, because iterating over the stream copies what has gathered in it into one buffer
 * for each step. Who stops early leaves the connection open, so that an answer can still be given.
 */
export function bodyOf(raw: IncomingMessage, received: (bytes: number) => void): Body {
  return (take) =>
    new Promise((resolve, reject) => {
      const stop = (settle: () => void) => {
        raw.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken)
        raw.pause()
        settle()
      }
      const fail = (thrown: Error) => stop(() => reject(thrown))
      const onBroken = (cause?: Error) => fail(new EndpointError('ENDPOINT_UPLOAD_BROKEN', { cause }))
      const onEnd = () => {
        if (!raw.complete) return onBroken()
        raw.setTimeout(0) // from here on the client waits for us
        stop(resolve)
      }
      const onData = (bytes: Buffer) => {
        received(bytes.length)
        try {
          const taken = take(bytes)
          if (!taken) return
          raw.pause()
          taken.then(() => raw.resume(), fail)
        } catch (thrown) {
          fail(thrown as Error)
        }
      }
      if (raw.destroyed && !raw.readableEnded) return onBroken()
      raw.on('error', onBroken).on('close', onBroken).on('end', onEnd).on('data', onData)
      raw.resume()
    })
}

/** Bytes that the sender has announced. */
export function announcedLength({ headers }: IncomingMessage): number | undefined {
  const length = Number(headers['content-length'] ?? NaN)
  return Number.isSafeInteger(length) ? length : undefined
}

/** Reads on what still comes of a refused upload, up to a bound, so that the answer is not lost with the connection. */
export function discardRest(raw: IncomingMessage): void {
  let left = mostDiscarded
  raw.on('error', () => undefined)
  raw.on('data', (bytes: Buffer) => {
    left -= bytes.length
    if (left < 0) raw.destroy()
  })
  raw.resume()
}
