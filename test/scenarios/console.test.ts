import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { build } from '../../scripts/build.ts'
import { Chromium } from '../helpers/chromium.ts'
import { missing } from '../helpers/peers.ts'
import { freePort } from '../helpers/rest-server.ts'
import { ownerEmail, ownerPassword, serve, setUpOwner } from '../helpers/serving.ts'
import { tempFolder } from '../helpers/temp.ts'
import { totpCode } from '../helpers/totp.ts'

const skip = missing('chromium')
const everyPage = [
  '/',
  '/machines',
  '/operations',
  '/alerts',
  '/told',
  '/get-back',
  '/copies',
  '/approvals',
  '/kits',
  '/people',
  '/audit',
  '/account',
  '/attack',
  '/nowhere',
]
const hostile = '<img src=x onerror=alert(1)> budget.txt'

test(
  'a stranger opens the link of the first start, sees the machine’s first backup, tries it, and has a file back',
  { skip },
  async () => {
    if (!existsSync(join(import.meta.dirname, '../../dist/console'))) await build()
    await using folder = await tempFolder()
    await mkdir(folder.join('files'))
    writeFileSync(folder.join('files', hostile), 'forty-two')
    await using serving = await serve(
      folder.join('data'),
      await freePort(),
      '--agent',
      '--protect',
      folder.join('files'),
    )
    await using chromium = await Chromium.launch()
    const { page } = chromium

    await page.goto(serving.ownerLink ?? '')
    await page.getByLabel('Your name').fill('Anna Miller')
    await page.getByLabel('E-mail address').fill(ownerEmail)
    await page.getByRole('textbox', { name: 'Password' }).fill(ownerPassword)
    await page.getByRole('button', { name: 'Set up' }).click()
    await page.getByRole('heading', { level: 1, name: /saved and proven/ }).waitFor()

    const pages = page.getByRole('navigation', { name: 'Pages' })
    await pages.getByRole('link', { name: 'Machines' }).click()
    await page.getByText('Saved, never tried').waitFor()
    await page.getByRole('table').getByRole('link').first().click()
    await page.getByRole('heading', { level: 1, name: /newest copy/ }).waitFor()
    await page.getByRole('table', { name: 'Recovery points' }).getByText('signed by the machine').waitFor()
    await page.getByRole('button', { name: 'Try a sample now' }).click()
    await page.getByText('a sample came back').waitFor()

    await pages.getByRole('link', { name: 'Get something back' }).click()
    await page.getByLabel('Words of the name or the folder').fill('budget')
    await page.getByRole('button', { name: 'Search' }).click()
    await page.getByRole('button', { name: hostile }).click()
    await page.getByRole('button', { name: 'Look at it' }).click()
    await page.getByLabel(/Why do you look/).fill('The tax office asks')
    await page.getByRole('button', { name: 'Look at it' }).last().click()
    await page.getByText('forty-two').waitFor()
    await page.getByRole('button', { name: 'This one' }).click()
    await page.getByRole('button', { name: 'Bring it back' }).click()
    await page.getByText('Where it is').waitFor()
    const restored = await page.getByLabel('Where it is').textContent()
    assert.ok(existsSync(join(restored ?? '', folder.join('files'), hostile)))

    assert.deepEqual(chromium.complaints, [], 'nothing was loaded or run that the policy for contents forbids')
  },
)

test(
  'who is not signed in comes to the page of the link after signing in; axe finds nothing on any page',
  { skip },
  async () => {
    await using folder = await tempFolder()
    await using serving = await serve(folder.join('data'), await freePort())
    await using chromium = await Chromium.launch('de-DE')
    const { page } = chromium
    assert.equal(await setUpOwner(serving), 200)

    await page.goto(`${serving.origin}/people`)
    await page.getByLabel('E-Mail-Adresse').fill(ownerEmail)
    await page.getByRole('textbox', { name: 'Passwort' }).fill('not the password')
    await page.getByRole('button', { name: 'Anmelden' }).first().click()
    await page.getByRole('alert').getByText('Adresse oder Passwort stimmt nicht').waitFor()
    await page.getByRole('textbox', { name: 'Passwort' }).fill(ownerPassword)
    await page.getByRole('button', { name: 'Anmelden' }).first().click()
    await page.getByRole('heading', { name: 'Nur Sie dürfen sich anmelden.' }).waitFor()
    assert.equal(new URL(page.url()).pathname, '/people')

    for (const path of everyPage) {
      await page.goto(serving.origin + path)
      await page.getByRole('heading', { level: 1, name: /\S/ }).waitFor()
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        assert.deepEqual(await chromium.accessibilityFaults(), [], `${path}, ${colorScheme}`)
      }
    }

    await page.goto(`${serving.origin}/sign-in?to=//evil.example/`)
    await page.getByLabel('E-Mail-Adresse').fill(ownerEmail)
    await page.getByRole('textbox', { name: 'Passwort' }).fill(ownerPassword)
    await page.getByRole('button', { name: 'Anmelden' }).first().click()
    await page.getByRole('heading', { name: 'Noch ist nichts geschützt.' }).waitFor()
    assert.equal(page.url(), `${serving.origin}/`)
  },
)

test(
  'what shows keys asks once more who one is, by password and second factor, and then goes on',
  { skip },
  async () => {
    await using folder = await tempFolder()
    await using serving = await serve(
      folder.join('data'),
      await freePort(),
      '--agent',
      '--protect',
      import.meta.dirname,
    )
    assert.equal(await setUpOwner(serving), 200)
    await serving.command.printed(/has its repository/)
    await using chromium = await Chromium.launch()
    const { page } = chromium

    await page.goto(`${serving.origin}/account`)
    await page.getByLabel('E-mail address').fill(ownerEmail)
    await page.getByRole('textbox', { name: 'Password' }).fill(ownerPassword)
    await page.getByRole('button', { name: 'Sign in' }).first().click()
    await page.getByRole('button', { name: 'Set up a second factor' }).click()
    const uri = (await page.getByRole('link', { name: 'Open in the app' }).getAttribute('href')) ?? ''
    await page.getByRole('img', { name: /to be scanned/ }).waitFor()
    await page.getByLabel('The code that the app shows now').fill(totpCode(uri))
    await page.getByRole('button', { name: 'That is it' }).click()
    await page.getByRole('heading', { name: 'Your sign-in is safe.' }).waitFor()

    ageSessions(folder.join('data', 'control.db'))
    await page.goto(`${serving.origin}/kits`)
    await page.getByRole('button', { name: 'Make a new kit' }).click()
    const dialog = page.getByRole('dialog', { name: 'Show once more that it is you' })
    await dialog.getByRole('textbox', { name: 'Password' }).fill(ownerPassword)
    await dialog.getByRole('button', { name: 'Go on' }).click()
    await dialog.getByLabel(/Code of your authenticator/).fill(totpCode(uri))
    await dialog.getByRole('button', { name: 'Go on' }).click()
    await page.getByRole('button', { name: 'Save the page for printing' }).waitFor()
    await page.goto(`${serving.origin}/account`)
    await page.getByRole('table', { name: 'Where you are signed in' }).getByText('here').waitFor()
    const rows = await page.getByRole('table', { name: 'Where you are signed in' }).getByRole('row').count()
    assert.equal(rows, 2, 'a heading, and the one session that is left')
    assert.deepEqual(chromium.complaints, [])
  },
)

/** As if everybody had signed in an hour ago. */
function ageSessions(database: string): void {
  using control = new DatabaseSync(database)
  const before = new Date(Date.now() - 3_600_000).toISOString()
  control.prepare('update sessions set created_at = ?').run(before)
}
