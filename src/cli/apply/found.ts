import { backupPolicySchema, clientSchema, idSchema, invitationSchema, machineSchema, personSchema } from '#protocol'
import type { grantSchema } from '#protocol'
import { z } from 'zod'
import type { Declared, PolicyDocument } from './declared.ts'

/** What is on the server, as far as a file may speak of it. */
export interface Found {
  readonly clients: readonly FoundClient[]
  /** Undefined: the file speaks of nobody, so nobody was looked up. */
  readonly people: readonly FoundPerson[] | undefined
}

export interface FoundClient {
  readonly id: string
  readonly name: string
  readonly policies: readonly FoundPolicy[]
  readonly machines: readonly FoundMachine[]
}

export interface FoundPolicy {
  readonly id: string
  readonly policy: PolicyDocument
  /** Ids of the machines that follow it. */
  readonly machines: readonly string[]
}

export type FoundMachine = Pick<z.output<typeof machineSchema>, 'id' | 'name' | 'state'>

export interface FoundPerson {
  /** Undefined: invited, and has not come yet. */
  readonly id: string | undefined
  readonly email: string
  readonly roles: readonly z.output<typeof grantSchema>[]
}

export type Get = <Schema extends z.ZodType>(path: string, answer: Schema) => Promise<z.output<Schema>>
type List = <Schema extends z.ZodType>(path: string, one: Schema) => Promise<z.output<Schema>[]>

const policySchema = z.object({ id: idSchema, policy: backupPolicySchema, machines: z.array(idSchema) })

/** Looks at the server. `get` makes a call of the API, and reads what is answered. */
export async function findOut(get: Get, declared: Declared): Promise<Found> {
  const list: List = async (path, schema) => await get(path, z.array(schema))
  const [clients, machines] = [await list('/api/clients', clientSchema), await list('/api/machines', machineSchema)]
  const named = new Set(declared.clients.map(({ name }) => name))
  const found = await Promise.all(
    clients.map(async ({ id, name }) => ({
      id,
      name,
      policies: named.has(name) ? await list(`/api/clients/${id}/policies`, policySchema) : [],
      machines: machines.filter(({ clientId }) => clientId === id),
    })),
  )
  return { clients: found, people: declared.people.length > 0 ? await findPeople(list) : undefined }
}

async function findPeople(list: List): Promise<FoundPerson[]> {
  const people = await list('/api/people', personSchema)
  const invited = await list('/api/people/invitations', invitationSchema)
  return [
    ...people.map(({ id, email, roles }) => ({ id, email, roles })),
    ...invited.map(({ email, roles }) => ({ id: undefined, email, roles })),
  ]
}
