import type { AlertSettings, Channel, ChannelChanges } from '#protocol'
import { ServerError } from '../errors.ts'

/** Changes to the list of channels; the settings as a whole are checked by who stores them. */

/** Throws `NAME_TAKEN`. */
export function withChannel(settings: AlertSettings, channel: Channel): unknown {
  if (settings.channels.some(({ id }) => id === channel.id)) throw new ServerError('NAME_TAKEN', { what: 'channel' })
  return { ...settings, channels: [...settings.channels, channel] }
}

/** Throws `NOT_FOUND`. */
export function withChangedChannel(settings: AlertSettings, id: string, changes: ChannelChanges): unknown {
  const before = channelOf(settings, id)
  const kept = leadsElsewhere(before, changes) ? withoutSentSecrets(before) : before
  const given = Object.entries(changes).filter(([, value]) => value !== undefined)
  const merged = Object.fromEntries([...Object.entries(kept), ...given].filter(([, value]) => value !== null))
  return { ...settings, channels: settings.channels.map((channel) => (channel.id === id ? merged : channel)) }
}

/** Throws `NOT_FOUND`, and `STATE_WRONG` while somebody is told on it. */
export function withoutChannel(settings: AlertSettings, id: string): unknown {
  channelOf(settings, id)
  const readers = settings.people.filter(({ ways }) => ways.some(({ channel }) => channel === id))
  if (readers.length > 0) {
    const state = `what reaches ${readers.map(({ name }) => name).join(', ')}`
    throw new ServerError('STATE_WRONG', { what: 'channel', state })
  }
  return { ...settings, channels: settings.channels.filter((channel) => channel.id !== id) }
}

/** Throws `NOT_FOUND`. */
export function channelOf({ channels }: AlertSettings, id: string): Channel {
  const channel = channels.find((candidate) => candidate.id === id)
  if (!channel) throw new ServerError('NOT_FOUND', { what: 'channel' })
  return channel
}

const places = ['host', 'port', 'security', 'url'] as const

// A password that nobody is shown must not be had by naming another server to which it is sent.
function leadsElsewhere(before: Channel, changes: ChannelChanges): boolean {
  const known: Readonly<Record<string, unknown>> = { ...before }
  return places.some((place) => changes[place] !== undefined && changes[place] !== known[place])
}

function withoutSentSecrets(channel: Channel): object {
  if (channel.kind === 'email') {
    const { user: _, password: __, ...rest } = channel
    return rest
  }
  if (channel.kind === 'ntfy') {
    const { token: _, topic: __, ...rest } = channel
    return rest
  }
  return channel
}
