/** What of a channel nobody may read in an error, a log or an answer. */
import type { Channel } from '#protocol'

/** Every secret of the channel, as it may turn up in what the other side says. */
export function secretsOf(channel: Channel): readonly string[] {
  switch (channel.kind) {
    case 'email':
      return channel.password === undefined ? [] : variants(channel.password)
    case 'webhook':
      return [...variants(channel.secret), ...secretsOfUrl(channel.url)]
    case 'ntfy':
      return [
        channel.topic,
        ...(channel.token === undefined ? [] : variants(channel.token)),
        ...secretsOfUrl(channel.url),
      ]
    case 'slack':
    case 'teams':
      return secretsOfUrl(channel.url)
  }
}

/** Shorter ones would blacken every other word, and are no secrets. */
const shortest = 4

export function maskSecrets(text: string, secrets: readonly string[]): string {
  // The longest first: a part of one may be another.
  const ordered = secrets.filter(({ length }) => length >= shortest).toSorted((a, b) => b.length - a.length)
  return ordered.reduce((masked, secret) => masked.replaceAll(secret, '•••'), text)
}

/** The channel as it may be shown: with `true` where there is a secret, and of an address only the server. */
export function withoutSecrets(channel: Channel): Readonly<Record<string, unknown>> {
  switch (channel.kind) {
    case 'email': {
      const { password, ...shown } = channel
      return { ...shown, password: password !== undefined }
    }
    case 'webhook':
      return { ...channel, url: new URL(channel.url).origin, secret: true }
    case 'ntfy': {
      const { token, ...shown } = channel
      return { ...shown, topic: true, token: token !== undefined }
    }
    case 'slack':
    case 'teams':
      return { ...channel, url: new URL(channel.url).origin }
  }
}

function variants(secret: string): readonly string[] {
  return [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64').replace(/=+$/, '')]
}

/** All after the host, and its longer parts. */
export function secretsOfUrl(url: string): readonly string[] {
  const { pathname, search } = new URL(url)
  const parts = `${pathname}${search}`.split(/[/?&=]/).filter(({ length }) => length >= 8)
  return pathname === '/' && search === '' ? [] : [`${pathname}${search}`, ...parts]
}
