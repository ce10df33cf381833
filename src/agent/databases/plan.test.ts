import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

import { seeded } from '../../../test/helpers/seed.ts'
import { checkPlan, componentOf } from './plan.ts'
import type { DatabasePlan } from './plan.ts'

const server = { engine: 'postgresql', name: 'main' } as const

test('a plan that would write over itself or leave its folder is refused', () => {
  const bad: DatabasePlan[] = [
    {},
    { servers: [server, server] },
    { servers: [{ ...server, name: '../x' }] },
    { servers: [{ ...server, name: '' }] },
    { servers: [{ ...server, connection: { host: 'a\nb' } }] },
    { servers: [{ ...server, connection: { port: 70_000 } }] },
    { files: [{ engine: 'sqlite', path: 'app.db' }] },
    { files: [{ engine: 'sqlite', path: '/a/../b' }] },
    {
      files: [
        { engine: 'sqlite', path: '/a' },
        { engine: 'sqlite', path: '/a' },
      ],
    },
    { hooks: [{ hook: 'x', file: 'relative' }] },
  ]
  for (const plan of bad) assert.throws(() => checkPlan(plan), { code: 'DATABASE_PLAN_INVALID' }, JSON.stringify(plan))
  checkPlan({ servers: [server, { ...server, engine: 'mysql' }], files: [{ engine: 'sqlite', path: '/a' }] })
})

test('every name of a database is one component, without dots, and another one for another name', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, unit: 'binary' }),
      fc.string({ minLength: 1, unit: 'binary' }),
      (one, other) => {
        assert.doesNotMatch(componentOf(one), /[/.\\:\0]/)
        assert.equal(componentOf(one) === componentOf(other), one === other)
      },
    ),
    seeded(),
  )
})
