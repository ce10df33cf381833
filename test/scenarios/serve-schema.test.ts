import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { freePort } from '../helpers/rest-server.ts'
import { run, runOk } from '../helpers/run.ts'
import { callApi, mainModule, ownerToken, serve, setUpOwner } from '../helpers/serving.ts'
import { tempFolder } from '../helpers/temp.ts'

test('the schema goes back by a command when the server has stopped, and forward with the next start; one that is newer is left alone', async () => {
  await using folder = await tempFolder()
  const [data, port] = [folder.join('server'), await freePort()]
  const schema = async (...args: string[]) =>
    await run(process.execPath, [mainModule, 'schema', ...args, '--data', data, '--json'])
  let token: string
  {
    await using serving = await serve(data, port)
    await setUpOwner(serving)
    token = await ownerToken(serving)
    await callApi(serving.origin, '/api/clients', { token, body: { name: 'Bakery' } })
    assert.match((await schema('back')).stderr, /DATABASE_IN_USE/)
    serving.command.kill('SIGTERM')
    await serving.command.result
  }
  const { steps } = JSON.parse((await schema('show')).stdout) as { steps: string[] }
  const back = JSON.parse((await schema('back', '3')).stdout) as { to: string; gone: string[]; copy: string }
  assert.deepEqual([back.to, back.gone], ['0003-records', steps.slice(3).toReversed()])
  assert.ok(readdirSync(data).some((name) => back.copy === `${data}/${name}`))
  {
    await using serving = await serve(data, port)
    const clients = (await callApi(serving.origin, '/api/clients', { token })).json as { name: string }[]
    assert.deepEqual(
      clients.map(({ name }) => name),
      ['Bakery'],
    )
    const { fault } = (await callApi(serving.origin, '/api/audit/verification', { token })).json as { fault: unknown }
    assert.equal(fault, null)
    serving.command.kill('SIGTERM')
    await serving.command.result
  }
  const database = new DatabaseSync(`${data}/control.db`)
  database.exec(`insert into kysely_migration (name, timestamp) values ('9000-of-tomorrow', '2100-01-01')`)
  database.close()
  const refused = await run(process.execPath, [mainModule, 'serve', '--data', data, '--listen', `127.0.0.1:${port}`])
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /newer version of Understudy: it has the step "9000-of-tomorrow"\. \(DATABASE_NEWER\)/)
  assert.match(refused.stderr, new RegExp(`schema back ${steps.at(-1)}`))
  await runOk(process.execPath, [mainModule, 'schema', 'show', '--data', data])
})
