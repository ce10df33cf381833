import type { Person, Way } from '#protocol'
import type { Recipient } from './message.ts'

/** `clients`: those that have machines. */
export function recipientOf(person: Person, { channel, address }: Way, clients: readonly string[]): Recipient {
  const { id, name, language, timeZone } = person
  const namesClients = clients.filter((client) => hears(person, client)).length > 1
  return { person: id, name, channel, address: address ?? null, language, timeZone, namesClients }
}

export function hears({ clients }: Person, client: string): boolean {
  return clients === 'all' || clients.includes(client)
}
