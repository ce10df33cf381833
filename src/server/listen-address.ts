import { isIPv4 } from 'node:net'
import { ServerError } from './errors.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
  /** Only this machine can reach it, so that plain HTTP shows nothing to a network. */
  readonly isLocal: boolean
}

/** Reads `HOST:PORT`. Throws `LISTEN_ADDRESS_INVALID`. */
export function parseListenAddress(address: string): ListenAddress {
  const [, bracketed, plain, digits = ''] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(address) ?? []
  const host = bracketed ?? plain
  const port = Number(digits)
  if (host === undefined || port === 0 || port > 65_535) throw new ServerError('LISTEN_ADDRESS_INVALID', { address })
  return { host, port, isLocal: host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.')) }
}

/** As people and machines reach a server that listens there, if nothing else is said. */
export function originOf({ host, port, isLocal }: ListenAddress, isSecure: boolean, machine: string): string {
  const isEverywhere = host === '0.0.0.0' || host === '::'
  const name = isLocal ? 'localhost' : isEverywhere ? machine : host.includes(':') ? `[${host}]` : host
  return new URL(`${isSecure ? 'https' : 'http'}://${name}:${port}`).origin
}
