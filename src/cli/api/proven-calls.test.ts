import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everyClient } from '#protocol'
import { Browser, setUpSecondFactor } from '../../../test/helpers/browser.ts'
import { freePort } from '../../../test/helpers/rest-server.ts'
import { TestServer } from '../../../test/helpers/test-server.ts'
import { totpCode } from '../../../test/helpers/totp.ts'
import type { Questions } from './ask.ts'
import { CallError } from './errors.ts'
import { ProvenCalls } from './proven-calls.ts'

const { signal } = new AbortController()
const email = 'person1@example.org'

/** Answers in their order, and counts the questions. */
function answering(...given: readonly string[]) {
  const asked: string[] = []
  const ask = (question: string) => {
    asked.push(question)
    const answer = given[asked.length - 1]
    return answer === undefined ? Promise.reject(new CallError('INPUT_ENDED', { question })) : Promise.resolve(answer)
  }
  const questions: Questions = { isTerminal: false, ask, askSecret: ask }
  return { asked, questions }
}

test('what removes something asks for password and code once, whatever the token; and for nothing where nobody answers', async () => {
  await using server = await TestServer.open()
  const me = await server.person({ [everyClient]: 'owner' })
  const others = [await server.person({}), await server.person({})]
  const browser = new Browser(server)
  await browser.signIn(email)
  const { uri } = await setUpSecondFactor(browser)
  const { authorization = '' } = await server.tokenOf(me, ['see', 'administer'])
  const port = await freePort()
  await using _ = await server.listen(port)
  const access = { url: `http://127.0.0.1:${port}`, token: authorization.replace('Bearer ', ''), email }
  const remove = (id: string | undefined) => ({ method: 'DELETE', path: `/api/people/${id}` })

  const silent = answering()
  await using alone = new ProvenCalls(access, silent.questions, { signal })
  await assert.rejects(alone.call(remove(others[0])), { code: 'PROOF_NEEDED' })
  const forgetful = answering('correct horse battery', '')
  await using half = new ProvenCalls(access, forgetful.questions, { signal })
  await assert.rejects(half.call(remove(others[0])), { code: 'SIGN_IN_REFUSED' })

  const { asked, questions } = answering('correct horse battery', totpCode(uri))
  {
    await using proven = new ProvenCalls(access, questions, { signal })
    await proven.call({ method: 'GET', path: '/api/people' })
    assert.deepEqual(asked, [])
    for (const id of others) await proven.call(remove(id))
    assert.deepEqual(asked, ['password: ', 'code of the second factor: '])
  }
  const sessions = await browser.ask('GET', '/api/me/sessions')
  assert.equal((sessions as object[]).length, 1, 'the session ends with the command')
})
