import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { call, requestOf, shape } from './call.ts'

const files = call({
  method: 'GET',
  path: '/api/machines/:machine/snapshots/:snapshot/files',
  query: shape<{ readonly path?: string; readonly limit?: number }>(),
  answer: z.unknown(),
})

test('what a path names is written so that it stays one part of it, and what is not given is left out', () => {
  const params = { machine: 'a/b', snapshot: '..' }
  const { url } = requestOf(files, { params, query: { path: '/a&b', limit: 5, more: undefined } })
  assert.equal(url, '/api/machines/a%2Fb/snapshots/../files?path=%2Fa%26b&limit=5')
})

test('only a call with a body says that it has one', () => {
  assert.deepEqual(requestOf(files, { params: { machine: 'm', snapshot: 's' } }), {
    url: '/api/machines/m/snapshots/s/files',
    method: 'GET',
    headers: {},
  })
  const change = call({ method: 'PUT', path: '/api/x', body: shape<{ readonly a: number }>(), answer: z.unknown() })
  const { headers, body } = requestOf(change, { body: { a: 1 } })
  assert.deepEqual([headers, body], [{ 'content-type': 'application/json' }, '{"a":1}'])
})
