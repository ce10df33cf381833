import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseYaml } from '../api/yaml-text.ts'
import { readDeclared } from './declared.ts'
import type { Declared, PolicyDocument } from './declared.ts'
import type { Found, FoundClient, FoundMachine } from './found.ts'
import { planApply } from './plan.ts'
import type { Plan } from './plan.ts'
import { describePlan } from './show-plan.ts'

const [oven, till, other] = ['1', '2', '3'].map((digit) => `a000000${digit}-0000-4000-8000-000000000000`) as [
  string,
  string,
  string,
]

function files(name: string, daily = 7): PolicyDocument {
  return {
    name,
    what: { include: ['/srv'] },
    when: { kind: 'daily', at: ['22:00'], timeZone: 'Europe/Berlin' },
    keep: { daily },
    to: { repository: 'own' },
  }
}

function bakery(
  machines: readonly FoundMachine[] = [],
  policies: Readonly<Record<string, readonly string[]>> = {},
): FoundClient {
  const found = Object.entries(policies).map(([name, followers]) => ({
    id: `id of ${name}`,
    policy: files(name),
    machines: followers,
  }))
  return { id: 'id of Bakery', name: 'Bakery', policies: found, machines }
}

async function declare(text: string): Promise<Declared> {
  return readDeclared(await parseYaml(text, 'a file'), { path: 'a file', now: Date.parse('2026-01-01') })
}

async function plan(text: string, found: Partial<Found> = {}, isAsked = true): Promise<Plan> {
  return planApply(await declare(text), { clients: [], people: [], ...found }, { isAsked })
}

function words({ steps }: Plan): string[] {
  return steps.map((step) => step.do)
}

const ofBakery = (lines: string) => `clients:\n  - name: Bakery\n${lines.replaceAll(/^(?=.)/gm, '    ')}`
const policyText = (name: string, daily = 7) => `- ${JSON.stringify(files(name, daily))}`

test('a client that is not there is made first, then its policies, then what machines follow', async () => {
  const made = await plan(
    `${ofBakery(`policies:\n${policyText('Files')}\n`)}\npeople: [{ email: a@b.example, roles: [{ role: operator, client: Bakery }] }]`,
  )
  assert.deepEqual(words(made), ['create client', 'create policy', 'invite person'])
})

test('where nothing differs there is nothing to do, whatever the order of names', async () => {
  const found = { clients: [bakery([{ id: oven, name: 'oven', state: 'approved' }], { Files: [oven] })] }
  const text = ofBakery(
    `policies:\n${policyText('Files')}\nmachines:\n- { name: oven, state: approved, policies: [Files] }\nremovePolicies: [Gone]\n`,
  )
  assert.deepEqual((await plan(text, found)).steps, [])
})

test('a policy that differs is changed, and it is said in what', async () => {
  const changed = await plan(ofBakery(`policies:\n${policyText('Files', 14)}\n`), {
    clients: [bakery([], { Files: [] })],
  })
  assert.deepEqual(describePlan(changed), ['~ backup policy "Files" of Bakery', '    keep.daily: 7 → 14'])
})

test('what is not in the file is left alone, and named', async () => {
  const shop = { ...bakery(), id: 'x', name: 'Shop' }
  const found = { clients: [bakery([{ id: oven, name: 'oven', state: 'waiting' }], { Files: [] }), shop] }
  const { steps, leftAlone } = await plan(ofBakery(''), {
    ...found,
    people: [{ id: 'p', email: 'c@d.example', roles: [] }],
  })
  assert.deepEqual(steps, [])
  assert.deepEqual(leftAlone, [
    'client "Shop"',
    'backup policy "Files" of Bakery',
    'machine "oven" of Bakery',
    'person c@d.example',
  ])
})

test('a machine that is not enrolled yet is waited for, and stops nothing', async () => {
  const { steps, waits } = await plan(ofBakery('machines: [{ name: oven, state: approved }]\n'), {
    clients: [bakery()],
  })
  assert.deepEqual(steps, [])
  assert.match(waits.join(), /"oven" of Bakery is not enrolled yet/)
})

test('a machine that only says a name is approved when somebody looks, or when its id is in the file', async () => {
  const found = { clients: [bakery([{ id: oven, name: 'oven', state: 'waiting' }])] }
  const [byName, byId] = ['{ name: oven, state: approved }', `{ name: oven, id: ${oven}, state: approved }`].map(
    (one) => ofBakery(`machines: [${one}]\n`),
  ) as [string, string]
  assert.deepEqual(words(await plan(byName, found)), ['approve machine'])
  const unseen = await plan(byName, found, false)
  assert.deepEqual(words(unseen), [])
  assert.match(unseen.waits.join(), new RegExp(oven))
  assert.deepEqual(words(await plan(byId, found, false)), ['approve machine'])
})

test('two machines of one name are told apart by their id, and with it a machine gets another name', async () => {
  const two = [
    { id: oven, name: 'pc', state: 'approved' },
    { id: till, name: 'pc', state: 'approved' },
  ] as const
  const found = { clients: [bakery(two)] }
  const unclear = await plan(ofBakery('machines: [{ name: pc, policies: [] }]\n'), found)
  assert.match(unclear.mistakes[0]?.sentence ?? '', new RegExp(`${oven}, ${till}`))
  const clear = await plan(ofBakery(`machines: [{ name: oven, id: ${oven} }]\n`), found)
  assert.deepEqual(words(clear), ['rename machine'])
})

test('what a machine follows is set when it differs; what is said of nothing stays', async () => {
  const found = { clients: [bakery([{ id: oven, name: 'oven', state: 'approved' }], { Files: [oven], Mail: [] })] }
  const { steps } = await plan(ofBakery('machines: [{ name: oven, policies: [Mail] }]\n'), found)
  assert.deepEqual(steps, [
    { do: 'set policies', client: 'Bakery', id: oven, name: 'oven', policies: ['Mail'], now: ['Files'] },
  ])
  assert.deepEqual((await plan(ofBakery('machines: [{ name: oven }]\n'), found)).steps, [])
  const { mistakes } = await plan(ofBakery('machines: [{ name: oven, policies: [None] }]\n'), found)
  assert.match(mistakes[0]?.sentence ?? '', /no backup policy "None"/)
})

test('a policy is removed after those that followed it follow others, and not while some would be left without', async () => {
  const machines = [
    { id: oven, name: 'oven', state: 'approved' },
    { id: other, name: 'other', state: 'approved' },
  ] as const
  const text = ofBakery('machines: [{ name: oven, policies: [] }]\nremovePolicies: [Files]\n')
  const fine = await plan(text, { clients: [bakery(machines, { Files: [oven] })] })
  assert.deepEqual([words(fine), fine.mistakes], [['set policies', 'remove policy'], []])
  const bad = await plan(text, { clients: [bakery(machines, { Files: [oven, other] })] })
  assert.match(bad.mistakes[0]?.sentence ?? '', /"other" follows "Files"/)
})

test('a machine that was revoked does not come back by a file', async () => {
  const found = { clients: [bakery([{ id: oven, name: 'oven', state: 'revoked' }])] }
  const { mistakes } = await plan(ofBakery('machines: [{ name: oven, state: approved }]\n'), found)
  assert.match(mistakes[0]?.sentence ?? '', /enrolled anew/)
})

test('people: whoever is not known is invited, whoever was invited is not again, and a new owner comes before the old one goes', async () => {
  const roles = [{ role: 'operator', clientId: 'id of Bakery' }] as const
  const text = 'people: [{ email: a@b.example, roles: [{ role: operator, client: Bakery }] }]'
  const invited = { clients: [bakery()], people: [{ id: undefined, email: 'a@b.example', roles }] }
  assert.deepEqual(words(await plan(text, { clients: [bakery()] })), ['invite person'])
  assert.deepEqual(words(await plan(text, invited)), [])
  const others = { ...invited, people: [{ id: undefined, email: 'a@b.example', roles: [] }] }
  assert.deepEqual(words(await plan(text, others)), ['invite person'])
  const known = { ...invited, people: [{ id: 'p', email: 'a@b.example', roles: [] }] }
  assert.deepEqual(words(await plan(text, known)), ['set roles'])

  const all = [{ role: 'owner', clientId: '*' }] as const
  const changing = await plan(
    'people: [{ email: old@b.example, roles: [] }, { email: new@b.example, roles: [{ role: owner, everywhere: true }] }]',
    {
      people: [
        { id: 'o', email: 'old@b.example', roles: all },
        { id: 'n', email: 'new@b.example', roles: [] },
      ],
    },
  )
  assert.deepEqual(
    changing.steps.map((step) => 'email' in step && step.email),
    ['new@b.example', 'old@b.example'],
  )
  const unknown = await plan('people: [{ email: a@b.example, roles: [{ role: operator, client: Shop }] }]')
  assert.match(unknown.mistakes[0]?.sentence ?? '', /no client "Shop"/)
})
