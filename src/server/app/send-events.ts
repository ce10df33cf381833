import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { z } from 'zod'

/** One event of a stream; `id` is what who reads it again says last. Without event: a sign that the stream still lives. */
export type Streamed<Event> = { readonly id: string; readonly event: Event } | 'alive'

export const eventsType = 'text/event-stream; charset=utf-8'

/**
 * Answers with a stream of events (https://html.spec.whatwg.org/multipage/server-sent-events.html). What the reader does not
 * take is not made: no more than a piece is held for it.
 */
export async function sendEvents(
  reply: FastifyReply,
  events: AsyncIterable<Streamed<unknown>>,
  schema: z.ZodType,
): Promise<FastifyReply> {
  reply.header('content-type', eventsType)
  // The connection ends with the stream: a server that stops would else wait for what may come on it.
  reply.header('connection', 'close')
  // A proxy that gathers an answer before it hands it on would keep everything back.
  reply.header('x-accel-buffering', 'no')
  return await reply.send(Readable.from(framesOf(events, schema), { objectMode: false, highWaterMark: 16_384 }))
}

async function* framesOf(events: AsyncIterable<Streamed<unknown>>, schema: z.ZodType): AsyncGenerator<string> {
  // Sent at once, so that the reader knows that it is heard.
  yield ': alive\n\n'
  for await (const streamed of events) {
    if (streamed === 'alive') yield ': alive\n\n'
    else yield `id: ${streamed.id}\ndata: ${JSON.stringify(schema.parse(streamed.event))}\n\n`
  }
}
