/** What a right user name and password stand for. Given anew with every request, so that a change counts from the next one on. */
export interface Credential {
  /** The one repository that it sees. */
  readonly repository: string
  /** Who wrote a lock and may delete it: the machine, not its password, which may be renewed while a lock lies there. */
  readonly machine: string
  /**
   * `open`: adds and reads. `read-only`: reads, and writes only the locks that reading takes. `closed`: nothing.
   * Default: `open`.
   */
  readonly state?: 'open' | 'read-only' | 'closed' | undefined
  /** A clause that says why the state is not `open`, shown to the machine. */
  readonly reason?: string | undefined
  /** Most bytes that the repository may have; not bounded when absent. */
  readonly allowedBytes?: number | undefined
}

export interface Login {
  readonly user: string
  readonly password: string
}

const longestHeader = 1024

/** User name and password of an `Authorization` header (RFC 7617); undefined when it holds none. */
export function parseBasic(header: string | undefined): Login | undefined {
  if (header === undefined || header.length > longestHeader) return undefined
  const match = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(header)
  if (!match) return undefined
  const text = Buffer.from(match[1] as string, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1 || text.includes('\0')) return undefined
  return { user: text.slice(0, colon), password: text.slice(colon + 1) }
}
