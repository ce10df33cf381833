import { X509Certificate } from 'node:crypto'
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import { messageOf } from '#base'
import { ServerError } from './errors.ts'

/** What the server shows to who calls it by TLS. */
export interface Certificate {
  /** PEM. */
  readonly key: string
  readonly cert: string
  /** SHA-256 of the certificate, in hexadecimal digits, when it is of the server's own making: then agents pin it. */
  readonly fingerprint: string | undefined
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** A certificate that was given. Throws `CERTIFICATE_INVALID`. */
export async function readCertificate(certFile: string, keyFile: string): Promise<Certificate> {
  try {
    const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')])
    // A group may have it, as ssl-cert on Debian; everybody may not.
    const isOpen = process.platform !== 'win32' && ((await stat(keyFile)).mode & 0o007) !== 0
    if (isOpen) throw new Error(`every user of this machine may read ${keyFile}`)
    return { key, cert, fingerprint: undefined, expiresAt: expiryOf(cert) }
  } catch (cause) {
    throw new ServerError('CERTIFICATE_INVALID', { reason: messageOf(cause), cause })
  }
}

const tenYears = 10 * 365 * 86_400_000

/** The server's own certificate, made at the first start. Agents know it by the fingerprint in their enrolment line. */
export async function ownCertificate(folder: string, host: string, now: number): Promise<Certificate> {
  const [keyFile, certFile] = [join(folder, 'server.key'), join(folder, 'server.crt')]
  const known = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]).catch(() => undefined)
  if (known) {
    const [cert, key] = known
    return { key, cert, fingerprint: fingerprintOf(cert), expiresAt: expiryOf(cert) }
  }
  const names = [...new Set([host, hostname(), 'localhost'])]
  const altNames = names.map((name) =>
    isIP(name) > 0 ? ({ type: 7, ip: name } as const) : ({ type: 2, value: name } as const),
  )
  const { private: key, cert } = await generate([{ name: 'commonName', value: host }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - 86_400_000),
    notAfterDate: new Date(now + tenYears),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'subjectAltName', altNames },
    ],
  })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // The key first: a certificate that is there has one.
  await writeWhole(keyFile, key)
  await writeWhole(certFile, cert)
  return { key, cert, fingerprint: fingerprintOf(cert), expiresAt: expiryOf(cert) }
}

async function writeWhole(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text, { mode: 0o600, flush: true })
  await rename(`${file}.new`, file)
}

/** SHA-256 of a certificate (PEM), in hexadecimal digits. */
export function fingerprintOf(cert: string): string {
  return new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase()
}

function expiryOf(cert: string): number {
  return new X509Certificate(cert).validToDate.getTime()
}
