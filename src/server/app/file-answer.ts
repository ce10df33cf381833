import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'

/**
 * An answer that is a file, to be kept by whoever asked: what a machine stored, and nothing that a browser may open in the
 * origin of the console.
 */
export class FileAnswer {
  readonly name: string
  readonly content: AsyncGenerator<Uint8Array>
  readonly size: number | undefined

  /** @param size bytes, where they are known before all has been read */
  constructor(name: string, content: AsyncGenerator<Uint8Array>, size?: number) {
    this.name = name
    this.content = content
    this.size = size
  }
}

/** For the `answer` of a route. */
export const fileAnswerSchema = z.instanceof(FileAnswer)

/** Sends it, as fast as it is taken. What fails on the way breaks the connection: then it is seen not to be whole. */
export function sendFile({ name, content, size }: FileAnswer, reply: FastifyReply): Readable {
  reply.header('content-type', 'application/octet-stream')
  reply.header('content-disposition', attachmentOf(name))
  reply.header('content-security-policy', "default-src 'none'; sandbox")
  if (size !== undefined) reply.header('content-length', String(size))
  return Readable.from(content, { objectMode: false })
}

/** RFC 6266: a name for everybody, and the true one for those who read UTF-8. */
function attachmentOf(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9._ -]/g, '_')
  const whole = encodeURIComponent(name.toWellFormed()).replace(/['()*]/g, (sign) => `%${hexOf(sign)}`)
  return `attachment; filename="${plain}"; filename*=UTF-8''${whole}`
}

function hexOf(sign: string): string {
  return sign.charCodeAt(0).toString(16).toUpperCase()
}
