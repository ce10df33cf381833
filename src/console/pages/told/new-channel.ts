import type { ChannelKind, channelSchema } from '#protocol'
import type { z } from 'zod'

/** Fields of each kind of channel, as they are typed, in their order. The server says what is wrong with them. */
export const fieldsOf = {
  email: ['host', 'port', 'user', 'password', 'from', 'to'],
  ntfy: ['server', 'topic'],
  webhook: ['url', 'secret'],
  slack: ['url'],
  teams: ['url'],
} as const satisfies Record<ChannelKind, readonly Field[]>

export type Field = 'host' | 'port' | 'user' | 'password' | 'from' | 'to' | 'server' | 'topic' | 'url' | 'secret'

/** A login is not needed at every mail server. */
export const mayBeEmpty: ReadonlySet<Field> = new Set(['user', 'password'])

/** What is usual, to begin with. */
export const usual: Partial<Record<Field, string>> = { port: '587', server: 'https://ntfy.sh' }

type Typed = (field: Field) => string

/** A channel of what was typed; port 465 is encrypted from its first byte, every other by STARTTLS. */
export function channelOf(
  kind: ChannelKind,
  typed: Typed,
  { id, name }: { readonly id: string; readonly name: string },
): z.input<typeof channelSchema> {
  const about = { id, name }
  switch (kind) {
    case 'email': {
      const [user, password, port] = [typed('user'), typed('password'), Number(typed('port'))]
      const login = user === '' && password === '' ? {} : { user, password }
      const security = port === 465 ? 'tls' : 'starttls'
      return { ...about, kind, host: typed('host'), port, security, from: typed('from'), ...login }
    }
    case 'ntfy':
      return { ...about, kind, url: typed('server'), topic: typed('topic') }
    case 'webhook':
      return { ...about, kind, url: typed('url'), secret: typed('secret') }
    case 'slack':
    case 'teams':
      return { ...about, kind, url: typed('url') }
  }
}

/** An id that is not taken: the kind, and a number where there is one of it already. */
export function freeId(kind: string, taken: readonly string[]): string {
  if (!taken.includes(kind)) return kind
  let number = 2
  while (taken.includes(`${kind}-${number}`)) number++
  return `${kind}-${number}`
}
