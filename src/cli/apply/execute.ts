import { everyClient, idSchema } from '#protocol'
import { z } from 'zod'
import type { DeclaredRole } from './declared.ts'
import type { Found } from './found.ts'
import type { Step } from './plan.ts'

export interface Send {
  readonly method: string
  readonly path: string
  readonly body?: unknown
}

/** Makes a call of the API, and reads what is answered. */
export type Sender = <Schema extends z.ZodType>(call: Send, answer: Schema) => Promise<z.output<Schema>>

const madeSchema = z.object({ id: idSchema })
const invitedSchema = z.object({ link: z.string() })

/** What a step gave that somebody has to see: the link for a person who was invited. */
export interface StepOutcome {
  readonly link?: string
}

/** Carries steps out, one after the other: what one makes, later ones name by the id that it got. */
export class Executor {
  readonly #send: Sender
  /** Ids by the names of clients, and of policies by client and name. */
  readonly #clients: Map<string, string>
  readonly #policies: Map<string, string>

  constructor(found: Found, send: Sender) {
    this.#send = send
    this.#clients = new Map(found.clients.map(({ id, name }) => [name, id]))
    const policies = found.clients.flatMap(({ name: client, policies: all }) =>
      all.map(({ id, policy: { name } }) => [policyKey(client, name), id] as const),
    )
    this.#policies = new Map(policies)
  }

  async carryOut(step: Step): Promise<StepOutcome> {
    const call = this.#callOf(step)
    if (step.do === 'invite person') return await this.#send(call, invitedSchema)
    if (step.do === 'create client') this.#clients.set(step.client, (await this.#send(call, madeSchema)).id)
    else if (step.do === 'create policy') {
      const { id } = await this.#send(call, madeSchema)
      this.#policies.set(policyKey(step.client, step.policy.name), id)
    } else await this.#send(call, z.unknown())
    return {}
  }

  #callOf(step: Step): Send {
    switch (step.do) {
      case 'create client':
        return { method: 'POST', path: '/api/clients', body: { name: step.client } }
      case 'create policy':
        return { method: 'POST', path: `/api/clients/${this.#client(step.client)}/policies`, body: step.policy }
      case 'change policy':
        return { method: 'PUT', path: `/api/policies/${step.id}`, body: step.policy }
      case 'remove policy':
        return { method: 'DELETE', path: `/api/policies/${step.id}` }
      case 'rename machine':
        return { method: 'PATCH', path: `/api/machines/${step.id}`, body: { name: step.name } }
      case 'approve machine':
        return { method: 'POST', path: `/api/machines/${step.id}/approve` }
      case 'revoke machine':
        return { method: 'POST', path: `/api/machines/${step.id}/revoke` }
      case 'set policies': {
        const policies = step.policies.map((name) => this.#policies.get(policyKey(step.client, name)))
        return { method: 'PUT', path: `/api/machines/${step.id}/policies`, body: { policies } }
      }
      case 'invite person': {
        const body = { email: step.email, roles: this.#grants(step.roles) }
        return { method: 'POST', path: '/api/people/invite', body }
      }
      case 'set roles': {
        const path = `/api/people/${encodeURIComponent(step.id)}/roles`
        return { method: 'PUT', path, body: { roles: this.#grants(step.roles) } }
      }
    }
  }

  #grants(roles: readonly DeclaredRole[]) {
    return roles.map(({ role, client }) => ({
      role,
      clientId: client === undefined ? everyClient : this.#client(client),
    }))
  }

  #client(name: string): string | undefined {
    return this.#clients.get(name)
  }
}

function policyKey(client: string, name: string): string {
  return JSON.stringify([client, name])
}
