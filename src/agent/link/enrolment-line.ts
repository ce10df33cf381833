import { AgentError } from '../errors.ts'

export interface EnrolmentLine {
  /** `https://host:port`. */
  readonly origin: string
  readonly secret: string
  /** SHA-256 of the server's certificate in hexadecimal digits, where it has one of its own making. */
  readonly fingerprint: string | undefined
}

/** Reads `ORIGIN/#SECRET[.FINGERPRINT]`. Throws `ENROLMENT_LINE_MALFORMED`. */
export function parseEnrolmentLine(line: string): EnrolmentLine {
  const [, origin = '', secret = '', fingerprint] =
    /^(https?:\/\/[^/#\s]+)\/?#([A-Za-z0-9_-]{20,200})(?:\.([0-9a-f]{64}))?$/.exec(line.trim()) ?? []
  if (!URL.canParse(origin)) throw new AgentError('ENROLMENT_LINE_MALFORMED')
  const url = new URL(origin)
  // The secret would be read on the way.
  const isLocal = url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(\.\d+){3}$/.test(url.hostname)
  if (url.protocol === 'http:' && !isLocal) throw new AgentError('ENROLMENT_LINE_MALFORMED')
  return { origin: url.origin, secret, fingerprint }
}
