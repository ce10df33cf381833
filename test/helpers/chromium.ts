import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'
import type { Browser, Page } from 'playwright-core'
import { peer } from './peers.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** The system's browser, with one page, for whole-program stories of the console. */
export class Chromium implements AsyncDisposable {
  readonly page: Page
  /** What the page complained of: errors, and what the server's policy for contents has refused. */
  readonly complaints: string[] = []
  readonly #browser: Browser

  private constructor(browser: Browser, page: Page) {
    this.#browser = browser
    this.page = page
    page.on('pageerror', ({ message }) => this.complaints.push(message))
    page.on('console', (said) => {
      if (/Content Security Policy|Refused to/.test(said.text())) this.complaints.push(said.text())
    })
  }

  static async launch(locale = 'en-GB'): Promise<Chromium> {
    // Its sandbox does not work for root, which tests in containers often are.
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
    const browser = await chromium.launch({ executablePath: peer('chromium'), args })
    const page = await browser.newPage({ locale, viewport: { width: 1280, height: 900 } })
    page.setDefaultTimeout(20_000)
    return new Chromium(browser, page)
  }

  /** What axe finds that keeps people from using the page: the rule, and where. */
  async accessibilityFaults(): Promise<string[]> {
    await this.page.evaluate(axe)
    const { passes, violations } = (await this.page.evaluate('axe.run()')) as {
      readonly passes: readonly unknown[]
      readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[]
    }
    if (passes.length === 0) throw new Error('axe has looked at nothing')
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close()
  }
}
