import { everyClient } from '#protocol'
import type {
  Declared,
  DeclaredClient,
  DeclaredMachine,
  DeclaredRole,
  PlacedSentence,
  PolicyDocument,
} from './declared.ts'
import { differencesOf } from './differences.ts'
import type { Difference } from './differences.ts'
import type { Found, FoundClient, FoundMachine, FoundPerson } from './found.ts'

/** What is to be done so that the server is as a file declares it: a value, which is shown, and then carried out in its order. */

export type Step =
  | { readonly do: 'create client'; readonly client: string }
  | { readonly do: 'create policy'; readonly client: string; readonly policy: PolicyDocument }
  | {
      readonly do: 'change policy'
      readonly client: string
      readonly id: string
      readonly policy: PolicyDocument
      readonly differences: readonly Difference[]
    }
  | { readonly do: 'remove policy'; readonly client: string; readonly id: string; readonly name: string }
  | {
      readonly do: 'rename machine'
      readonly client: string
      readonly id: string
      readonly name: string
      readonly now: string
    }
  | {
      readonly do: 'approve machine' | 'revoke machine'
      readonly client: string
      readonly id: string
      readonly name: string
    }
  | {
      readonly do: 'set policies'
      readonly client: string
      readonly id: string
      readonly name: string
      /** Names of policies. */
      readonly policies: readonly string[]
      readonly now: readonly string[]
    }
  | { readonly do: 'invite person'; readonly email: string; readonly roles: readonly DeclaredRole[] }
  | {
      readonly do: 'set roles'
      readonly email: string
      readonly id: string
      readonly roles: readonly DeclaredRole[]
      readonly now: readonly DeclaredRole[]
    }

export interface Plan {
  readonly steps: readonly Step[]
  /** What somebody else has to do first, a sentence each. */
  readonly waits: readonly string[]
  /** What is on the server and not in the file: it stays as it is. */
  readonly leftAlone: readonly string[]
  /** What the file says and the server, as it is, makes impossible. */
  readonly mistakes: readonly PlacedSentence[]
}

export interface PlanOptions {
  /** Somebody looks at the plan and says yes. */
  readonly isAsked: boolean
}

/** Pure. Clients come first, as all else needs them; people last; a policy is removed when nobody follows it any more. */
export function planApply(declared: Declared, found: Found, { isAsked }: PlanOptions): Plan {
  const clients = declared.clients.map((client, at) => {
    const there = found.clients.find(({ name }) => name === client.name)
    return planClient(client, there, { path: ['clients', at], isAsked })
  })
  const people = planPeople(declared, found)
  const others = found.clients.filter(({ name }) => !declared.clients.some((client) => client.name === name))
  const all = [...clients, people]
  return {
    steps: all.flatMap(({ steps }) => steps).toSorted((a, b) => order.indexOf(a.do) - order.indexOf(b.do)),
    waits: all.flatMap(({ waits }) => waits),
    leftAlone: [...others.map(({ name }) => `client "${name}"`), ...all.flatMap(({ leftAlone }) => leftAlone)],
    mistakes: all.flatMap(({ mistakes }) => mistakes),
  }
}

const order: readonly Step['do'][] = [
  'create client',
  'create policy',
  'change policy',
  'rename machine',
  'approve machine',
  'set policies',
  'remove policy',
  'revoke machine',
  'invite person',
  'set roles',
]

interface ClientContext extends PlanOptions {
  readonly path: readonly PropertyKey[]
}

function planClient(declared: DeclaredClient, found: FoundClient | undefined, { path, isAsked }: ClientContext): Plan {
  const client = declared.name
  const policies = planPolicies(declared, found)
  const machines = declared.machines.map((machine, at) =>
    planMachine(machine, { declared, found, isAsked, path: [...path, 'machines', at] }),
  )
  const named = new Set([...declared.policies.map(({ name }) => name), ...declared.removePolicies])
  const known = machines.flatMap(({ id }) => id ?? [])
  const others = [
    ...(found?.policies ?? []).flatMap(({ policy: { name } }) => (named.has(name) ? [] : [`backup policy "${name}"`])),
    ...(found?.machines ?? []).flatMap(({ id, name }) => (known.includes(id) ? [] : [`machine "${name}"`])),
  ]
  return {
    steps: [
      ...(found ? [] : [{ do: 'create client', client } as const]),
      ...policies,
      ...machines.flatMap(({ steps }) => steps),
    ],
    waits: machines.flatMap(({ waits }) => waits),
    leftAlone: others.map((other) => `${other} of ${client}`),
    mistakes: [...machines.flatMap(({ mistakes }) => mistakes), ...stillFollowed(declared, found, path)],
  }
}

function planPolicies(declared: DeclaredClient, found: FoundClient | undefined): Step[] {
  const client = declared.name
  const there = new Map((found?.policies ?? []).map((one) => [one.policy.name, one]))
  const wanted = declared.policies.flatMap((policy): Step[] => {
    const before = there.get(policy.name)
    if (!before) return [{ do: 'create policy', client, policy }]
    const differences = differencesOf(before.policy, policy)
    return differences.length === 0 ? [] : [{ do: 'change policy', client, id: before.id, policy, differences }]
  })
  const unwanted = declared.removePolicies.flatMap((name): Step[] => {
    const before = there.get(name)
    return before ? [{ do: 'remove policy', client, id: before.id, name }] : []
  })
  return [...wanted, ...unwanted]
}

/** A policy that a machine follows is removed only where the file says what that machine follows instead. */
function stillFollowed(
  { removePolicies, machines }: DeclaredClient,
  found: FoundClient | undefined,
  path: readonly PropertyKey[],
): PlacedSentence[] {
  return removePolicies.flatMap((name, at) => {
    const followers = found?.policies.find(({ policy }) => policy.name === name)?.machines ?? []
    const left = (found?.machines ?? []).filter(
      (machine) =>
        followers.includes(machine.id) &&
        !machines.some((one) => one.policies && (one.id ?? one.name) === (one.id ? machine.id : machine.name)),
    )
    return left.map((machine) => ({
      path: [...path, 'removePolicies', at],
      sentence: `The machine "${machine.name}" follows "${name}", and the file does not say what it is to follow instead.`,
    }))
  })
}

interface MachineContext extends ClientContext {
  readonly declared: DeclaredClient
  readonly found: FoundClient | undefined
}

type MachinePlan = Pick<Plan, 'steps' | 'waits' | 'mistakes'> & { readonly id?: string }

function planMachine(machine: DeclaredMachine, context: MachineContext): MachinePlan {
  const { declared, found, path, isAsked } = context
  const client = declared.name
  const { id, name } = machine
  const there = (found?.machines ?? []).filter((one) => (id === undefined ? one.name === name : one.id === id))
  const mistakes = unknownPolicies(machine, context)
  const [one, ...more] = there
  if (more.length > 0) {
    const ids = there.map((each) => each.id).join(', ')
    const sentence = `"${name}" is the name of more than one machine; say which by its id: ${ids}.`
    return { steps: [], waits: [], mistakes: [...mistakes, { path, sentence }] }
  }
  if (!one) {
    const sentence = `Machine "${name}" of ${client} is not enrolled yet: \`understudy machine enrol-line\` makes a line for it.`
    return { steps: [], waits: [sentence], mistakes }
  }
  const about = { client, id: one.id, name }
  const renames: Step[] = one.name === name ? [] : [{ do: 'rename machine', ...about, now: one.name }]
  const isUnsure = machine.state === 'approved' && one.state === 'waiting' && id === undefined && !isAsked
  const states = isUnsure ? [] : changeState(machine, one, about)
  // A machine says its name itself: whoever has an enrolment line could be any.
  const sentence = `Machine "${name}" of ${client} waits for approval: with --yes its id (${one.id}) must stand in the file.`
  return {
    id: one.id,
    steps: [...renames, ...states, ...setPolicies(machine, found, about)],
    waits: isUnsure ? [sentence] : [],
    mistakes: [...mistakes, ...comesBack(machine, one, path)],
  }
}

interface About {
  readonly client: string
  readonly id: string
  readonly name: string
}

function changeState({ state }: DeclaredMachine, found: FoundMachine, about: About): Step[] {
  if (state === undefined || state === found.state) return []
  return [{ do: state === 'approved' ? 'approve machine' : 'revoke machine', ...about }]
}

function comesBack(
  { state, name }: DeclaredMachine,
  found: FoundMachine,
  path: readonly PropertyKey[],
): PlacedSentence[] {
  if (state !== 'approved' || found.state !== 'revoked') return []
  return [{ path: [...path, 'state'], sentence: `"${name}" was revoked: it has to be enrolled anew.` }]
}

function setPolicies({ policies }: DeclaredMachine, found: FoundClient | undefined, about: About): Step[] {
  if (!policies) return []
  const now = (found?.policies ?? []).flatMap(({ policy, machines }) =>
    machines.includes(about.id) ? policy.name : [],
  )
  const isSame = differencesOf(now.toSorted(), [...new Set(policies)].toSorted()).length === 0
  return isSame ? [] : [{ do: 'set policies', ...about, policies, now }]
}

function unknownPolicies(
  { policies = [] }: DeclaredMachine,
  { declared, found, path }: MachineContext,
): PlacedSentence[] {
  const known = new Set([
    ...declared.policies.map(({ name }) => name),
    ...(found?.policies ?? []).map(({ policy }) => policy.name),
  ])
  return policies.flatMap((name, at) => {
    const sentence = `${declared.name} has no backup policy "${name}", here or on the server.`
    return known.has(name) ? [] : [{ path: [...path, 'policies', at], sentence }]
  })
}

function planPeople(declared: Declared, found: Found): Plan {
  const clients = new Set([...declared.clients, ...found.clients].map(({ name }) => name))
  const nameOf = new Map(found.clients.map(({ id, name }) => [id, name]))
  const steps = declared.people.flatMap(({ email, roles }) => {
    const person = found.people?.find((one) => one.email === email)
    return planPerson({ email, roles, person, now: person ? rolesInWords(person, nameOf) : [] })
  })
  const mistakes = declared.people.flatMap(({ roles }, person) =>
    roles.flatMap(({ client }, at) => {
      const path = ['people', person, 'roles', at]
      const sentence = `There is no client "${client ?? ''}", here or on the server.`
      return client === undefined || clients.has(client) ? [] : [{ path, sentence }]
    }),
  )
  const others = (found.people ?? []).filter(({ email }) => !declared.people.some((one) => one.email === email))
  // Who becomes owner of everything comes first: the last owner cannot go before that.
  const ordered = steps.toSorted((a, b) => Number(givesAll(b)) - Number(givesAll(a)))
  return { steps: ordered, waits: [], leftAlone: others.map(({ email }) => `person ${email}`), mistakes }
}

interface PersonContext {
  readonly email: string
  readonly roles: readonly DeclaredRole[]
  readonly person: FoundPerson | undefined
  readonly now: readonly DeclaredRole[]
}

function planPerson({ email, roles, person, now }: PersonContext): Step[] {
  const isSame = person && differencesOf(now.map(inWords).toSorted(), roles.map(inWords).toSorted()).length === 0
  // Somebody without any role need not be invited.
  if (isSame || (!person && roles.length === 0)) return []
  if (person?.id !== undefined) return [{ do: 'set roles', email, id: person.id, roles, now }]
  return [{ do: 'invite person', email, roles }]
}

function rolesInWords({ roles }: FoundPerson, nameOf: ReadonlyMap<string, string>): DeclaredRole[] {
  return roles.map(({ clientId, role }) =>
    clientId === everyClient ? { role, everywhere: true } : { role, client: nameOf.get(clientId) ?? clientId },
  )
}

/** `operator of Bakery`. */
export function inWords({ role, client }: DeclaredRole): string {
  return client === undefined ? `${role} of everything` : `${role} of ${client}`
}

function givesAll(step: Step): boolean {
  return 'roles' in step && step.roles.some(({ role, everywhere }) => role === 'owner' && everywhere === true)
}
