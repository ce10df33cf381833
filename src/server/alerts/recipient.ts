import type { Person, Way } from '#protocol'
import type { Recipient } from './message.ts'

export function recipientOf({ id, name, language, timeZone, clients }: Person, { channel, address }: Way): Recipient {
  const seesSeveralClients = clients === 'all' || clients.length > 1
  return { person: id, name, channel, address: address ?? null, language, timeZone, seesSeveralClients }
}
