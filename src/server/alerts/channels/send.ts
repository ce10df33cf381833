/** Sends one message on its channel, once. */
import type { Clock } from '#base'
import { systemClock } from '#base'
import type { Channel } from '#protocol'
import { type Delivery, failedDelivery } from '../delivery.ts'
import type { Message } from '../message.ts'
import { putIntoWords, type Sender } from '../render.ts'
import { AddressGuard, type GuardOptions } from './address-guard.ts'
import { call, type Outside } from './call.ts'
import { sendEmail } from './email.ts'
import { secretsOfUrl } from './secrets.ts'
import { webCall } from './web.ts'

export interface SendOptions extends GuardOptions {
  readonly sender: Sender
  /** Milliseconds for one message. Default: 20 seconds. */
  readonly timeout?: number | undefined
  /** Authorities to trust instead of the system's, in PEM. */
  readonly ca?: string | undefined
  readonly clock?: Clock | undefined
}

/** Sends messages and calls the outside watch; what one server may reach is the same for both. */
export class Postman {
  readonly #outside: Outside
  readonly #sender: Sender
  readonly #clock: Clock

  constructor({ sender, timeout = 20_000, ca, clock = systemClock, ...guard }: SendOptions) {
    this.#outside = { guard: new AddressGuard(guard), timeout, ca }
    this.#sender = sender
    this.#clock = clock
  }

  /** How it went, as a value. Throws only what the signal says, and mistakes of ours. */
  async send(
    channel: Channel,
    message: Message,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Delivery> {
    const words = putIntoWords(message, this.#sender)
    const outside = this.#outside
    return settle(
      () =>
        channel.kind === 'email'
          ? sendEmail(channel, message, { words, outside, signal })
          : call(webCall(channel, message, { words, now: this.#clock.now() }), outside, { signal }),
      signal,
    )
  }

  /** Tells the outside watch that this server lives. */
  async callWatch(
    { url, method }: { readonly url: string; readonly method: 'GET' | 'POST' },
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Delivery> {
    return settle(() => call({ url, method, secrets: secretsOfUrl(url) }, this.#outside, { signal }), signal)
  }
}

async function settle(send: () => Promise<string>, signal: AbortSignal | undefined): Promise<Delivery> {
  try {
    return { outcome: 'delivered', answer: await send() }
  } catch (thrown) {
    signal?.throwIfAborted()
    return failedDelivery(thrown)
  }
}
