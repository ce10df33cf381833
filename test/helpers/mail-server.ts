import { SMTPServer } from 'smtp-server'

export interface ReceivedMail {
  readonly to: readonly string[]
  /** Head and body, as they came. */
  readonly text: string
}

/** A mail server on this machine that takes everything. */
export class MailServer implements AsyncDisposable {
  readonly received: ReceivedMail[] = []
  readonly port: number
  readonly #server: SMTPServer

  private constructor(server: SMTPServer, port: number, received: ReceivedMail[]) {
    this.#server = server
    this.port = port
    this.received = received
  }

  static async open(): Promise<MailServer> {
    const received: ReceivedMail[] = []
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onData(stream, { envelope }, done) {
        const parts: Buffer[] = []
        stream.on('data', (part: Buffer) => parts.push(part))
        stream.on('end', () => {
          const text = Buffer.concat(parts).toString('utf8')
          received.push({ to: envelope.rcptTo.map(({ address }) => address), text })
          done()
        })
      },
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.server.address() as { port: number }
    return new MailServer(server, port, received)
  }

  /** Those to one reader whose words are about something. */
  about(words: RegExp, reader: string): readonly ReceivedMail[] {
    return this.received.filter(({ to, text }) => to.includes(reader) && words.test(text))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(resolve))
  }
}
