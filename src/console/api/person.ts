import { everyClient, roleHas } from '#protocol'
import type { personSchema, Right } from '#protocol'
import type { z } from 'zod'

export type Person = z.output<typeof personSchema>

/** Whether somebody has a right for a client; `"*"`: for the server itself. What may not be done is not offered. */
export function may({ roles }: Pick<Person, 'roles'>, right: Right, clientId: string = everyClient): boolean {
  return roles.some(
    (grant) => (grant.clientId === everyClient || grant.clientId === clientId) && roleHas(grant.role, right),
  )
}
