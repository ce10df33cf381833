import assert from 'node:assert/strict'
import { until } from './until.ts'

/** What is read from a stream of events, as it comes. */
export class Stream implements AsyncDisposable {
  text = ''
  isOver = false
  readonly #ending: AbortController
  readonly #reading: Promise<void>

  private constructor(body: ReadableStream<Uint8Array>, ending: AbortController) {
    this.#ending = ending
    this.#reading = this.#read(body)
  }

  /** Returns when the server has begun to answer. */
  static async open(url: string, headers: Readonly<Record<string, string>>): Promise<Stream> {
    const ending = new AbortController()
    const answer = await fetch(url, { headers, signal: ending.signal })
    assert.equal(answer.status, 200, url)
    assert.ok(answer.body)
    const stream = new Stream(answer.body, ending)
    await stream.until(': alive')
    return stream
  }

  /** Waits until it holds these words. */
  async until(words: string): Promise<void> {
    await until(() => this.text.includes(words))
  }

  /** The events so far. */
  get events(): readonly { readonly id: number; readonly kind: string; readonly subject: string | null }[] {
    return [...this.text.matchAll(/^id: (\d+)\ndata: (.*)$/gm)].map(([, id, data = '']) => ({
      id: Number(id),
      ...(JSON.parse(data) as { kind: string; subject: string | null }),
    }))
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder()
    try {
      for await (const part of body) this.text += decoder.decode(part, { stream: true })
    } catch {
      // Cut off: by the server, or because nobody reads on.
    }
    this.isOver = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort()
    await this.#reading
  }
}
