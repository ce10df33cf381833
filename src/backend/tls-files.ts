import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { builtIn, messageOf } from '#base'
import { BackendError } from './errors.ts'

export interface TlsOptions {
  /** Files with certificates of authorities to trust, instead of the machine's own list. */
  readonly cacerts?: readonly string[] | undefined
  /** A file with a client certificate and its private key. */
  readonly clientCertificate?: string | undefined
  /** Trust every certificate: encrypted against listeners, open to whoever sits in between. */
  readonly insecure?: boolean | undefined
}

/** The options of Node's TLS for ours. Throws `TLS_FILE_INVALID`. */
export function loadTls({ cacerts = [], clientCertificate, insecure = false }: TlsOptions) {
  return {
    minVersion: 'TLSv1.2' as const,
    rejectUnauthorized: !insecure,
    ...(cacerts.length > 0 ? { ca: cacerts.map(loadAuthority) } : {}),
    ...(clientCertificate === undefined ? {} : loadClientCertificate(clientCertificate)),
  }
}

function loadAuthority(path: string): string {
  return checked(path, loadFirst)
}

function loadClientCertificate(path: string): { readonly cert: string; readonly key: string } {
  const pem = checked(path, (text) => {
    loadFirst(text)
    createPrivateKey(text)
    builtIn('node:tls').createSecureContext({ cert: text, key: text }) // throws when the two do not belong together
  })
  return { cert: pem, key: pem }
}

/** The first certificate of a PEM text; throws when there is none. */
function loadFirst(pem: string): X509Certificate {
  return new X509Certificate(pem)
}

function checked(path: string, check: (pem: string) => unknown): string {
  try {
    const pem = readFileSync(path, 'utf8')
    check(pem)
    return pem
  } catch (cause) {
    throw new BackendError('TLS_FILE_INVALID', { path, reason: messageOf(cause), cause })
  }
}
