import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grantSchema, idSchema, operationSchema, timeSchema } from '#protocol'
import { z } from 'zod'
import { describeCommands } from './describe-commands.ts'
import { route } from './route.ts'

function describe(body: z.ZodType) {
  const made = route({
    method: 'POST',
    path: '/api/things/:thing',
    summary: 'Does it.',
    command: 'thing do',
    access: { by: 'somebody' },
    body,
    answer: operationSchema,
    handle: () => Promise.reject(new Error('only described')),
  })
  return describeCommands([made])[0]
}

test('what can be typed becomes a field, with its kind, its words and what it says', () => {
  const found = describe(
    z.object({
      name: z.string().describe('its name'),
      machine: idSchema,
      until: timeSchema.nullable().optional(),
      sizes: z.array(z.int()).default([]),
      mode: z.enum(['slow', 'fast']).optional(),
      isFast: z.boolean(),
      roles: z.array(grantSchema),
    }),
  )
  const usual = { isList: false, isRequired: true, isNullable: false }
  assert.deepEqual(found?.body, {
    file: 'no',
    fields: [
      { name: 'name', kind: 'text', ...usual, about: 'its name' },
      { name: 'machine', kind: 'id', ...usual },
      { name: 'until', kind: 'time', ...usual, isRequired: false, isNullable: true },
      { name: 'sizes', kind: 'number', ...usual, isList: true, isRequired: false },
      { name: 'mode', kind: 'text', words: ['slow', 'fast'], ...usual, isRequired: false },
      { name: 'isFast', kind: 'boolean', ...usual },
      { name: 'roles', kind: 'grant', ...usual, isList: true },
    ],
  })
  assert.equal(found?.isOperation, true)
})

test('what is nested comes from a file, which may be left out where nothing needs it', () => {
  const nested = z.object({ inner: z.string() })
  assert.equal(describe(z.object({ nested }))?.body?.file, 'must')
  assert.equal(describe(z.object({ nested: nested.optional(), name: z.string() }))?.body?.file, 'may')
  assert.equal(describe(z.array(z.string()))?.body?.file, 'must')
  const either = z.discriminatedUnion('kind', [z.object({ kind: z.literal('a') }), z.object({ kind: z.literal('b') })])
  assert.equal(describe(either)?.body?.file, 'must')
})

test('a thing of another name says what it is, and may be a word instead; of a choice the word and the rest are typed', () => {
  const to = z.discriminatedUnion('how', [
    z.strictObject({ how: z.literal('new folder'), below: z.string().exactOptional() }),
    z.strictObject({ how: z.literal('in place') }),
  ])
  const found = describe(
    z.object({
      where: z.union([z.literal('server'), idSchema.meta({ thing: 'machine' })]),
      to: to.meta({ typed: 'choice', description: 'where to' }).default({ how: 'new folder' }),
    }),
  )
  const usual = { isList: false, isNullable: false }
  const within = { in: 'to', key: 'how' }
  assert.deepEqual(found?.body?.fields, [
    { name: 'where', kind: 'id', words: ['server'], thing: 'machine', ...usual, isRequired: true },
    {
      name: 'to',
      kind: 'text',
      words: ['new folder', 'in place'],
      ...usual,
      isRequired: false,
      about: 'where to',
      within,
    },
    { name: 'below', kind: 'text', ...usual, isRequired: false, within: { ...within, word: 'new folder' } },
  ])
  assert.equal(found?.body?.file, 'may')
  assert.equal(describe(z.object({ to }))?.body?.file, 'must', 'only where it is asked for')
})

test('what is secret is told by its name, or says so, and may come from a file', () => {
  const found = describe(z.object({ smtpPassword: z.string(), hook: z.string().meta({ typed: 'secret' }) }))
  assert.deepEqual(
    found?.body?.fields.map(({ kind }) => kind),
    ['secret', 'secret'],
  )
  assert.equal(found?.body?.file, 'may')
})
