import { Agent, request } from 'node:http'
import type { OutgoingHttpHeaders } from 'node:http'

/** Calls over connections that stay open, as agents and restic keep them. */
export class HttpCalls implements Disposable {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Infinity })
  readonly #origin: string

  constructor(origin: string) {
    this.#origin = origin
  }

  /** The status and text of the answer. */
  async send(
    method: string,
    path: string,
    { headers = {}, body }: { readonly headers?: OutgoingHttpHeaders; readonly body?: Uint8Array | string } = {},
  ): Promise<{ readonly status: number; readonly text: string }> {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
    return await new Promise((resolve, reject) => {
      const options = { method, agent: this.#agent, headers: { ...headers, ...length } }
      const sent = request(this.#origin + path, options, (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('error', reject)
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
        )
      })
      sent.on('error', reject)
      sent.end(body)
    })
  }

  /** A call that must be answered with 200; its JSON. */
  async ask(method: string, path: string, headers: OutgoingHttpHeaders, body?: object): Promise<unknown> {
    const text = body && JSON.stringify(body)
    const about = { headers: { ...headers, ...(text !== undefined && { 'content-type': 'application/json' }) } }
    const answer = await this.send(method, path, { ...about, ...(text !== undefined && { body: text }) })
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${answer.text.slice(0, 300)}`)
    return JSON.parse(answer.text)
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}
