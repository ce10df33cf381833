/** A person tries whether a channel reaches them. */
import { randomUUID } from 'node:crypto'
import type { Cancellable, Clock } from '#base'
import type { Channel } from '#protocol'
import type { Postman } from './channels/send.ts'
import type { Delivery } from './delivery.ts'
import type { Message, Recipient } from './message.ts'

/** Sends a real message at once, past the outbox, and answers what the other side said. */
export async function testChannel(
  channel: Channel,
  recipient: Omit<Recipient, 'channel'>,
  {
    postman,
    clock,
    id = `test-${randomUUID()}`,
    signal,
  }: { readonly postman: Postman; readonly clock: Clock; readonly id?: string } & Cancellable,
): Promise<Delivery> {
  const about = { kind: 'test', at: clock.now(), severity: null, news: [], groups: [] } as const
  const message: Message = { id, recipient: { ...recipient, channel: channel.id }, ...about }
  return postman.send(channel, message, { signal })
}
