import type { FastifyInstance } from 'fastify'

/**
 * The few pages that there are where the console was not built: what runs here, and the form behind a set-up link. They hold nothing
 * that came from anybody, so there is nothing to escape; script and style are files of their own, as the policy wants it.
 */

const style = `
:root { color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif }
main { max-width: 32rem; margin: 4rem auto; padding: 0 1rem }
label { display: block; margin: 1rem 0 }
input { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .5rem; margin-top: .25rem }
button { font: inherit; padding: .5rem 1.5rem; margin-top: .5rem }
`

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="stylesheet" href="/page.css">
<main>
${body}
</main>
</html>
`
}

const status = page(
  'Understudy',
  `<h1>Understudy runs here</h1>
<p>The console was not built: <code>npm run build</code> makes it. Every call of the server is described at <a href="/api/openapi.json">/api/openapi.json</a>.</p>`,
)

const setUp = page(
  'Understudy: set up your account',
  `<h1>Set up your account</h1>
<form>
<label>Your name <input name="name" autocomplete="name" required maxlength="200"></label>
<label>E-mail address <input name="email" type="email" autocomplete="username" required></label>
<label>Password, at least 12 characters
<input name="password" type="password" autocomplete="new-password" required minlength="12" maxlength="256"></label>
<button>Set up</button>
</form>
<p role="status"></p>
<script src="/set-up.js"></script>`,
)

// The link's secret stands after the '#': it is sent with the form, and in no address.
const setUpScript = `
const form = document.querySelector('form')
const said = document.querySelector('[role=status]')
form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const body = JSON.stringify({ token: location.hash.slice(1), ...Object.fromEntries(new FormData(form)) })
  try {
    const answer = await fetch('/api/set-up', { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    if (answer.ok) form.remove()
    const { message, hint } = await answer.json()
    said.textContent = answer.ok ? 'Done. You can sign in from now on.' : message + ' ' + hint
  } catch {
    said.textContent = 'The server does not answer. Try again in a moment.'
  }
})
`

const pages: Readonly<Record<string, readonly [string, string]>> = {
  '/': ['text/html', status],
  '/set-up': ['text/html', setUp],
  '/set-up.js': ['text/javascript', setUpScript],
  '/page.css': ['text/css', style],
}

/** The addresses of the pages. */
export const pagePaths: readonly string[] = Object.keys(pages)

export function addPages(app: FastifyInstance): void {
  for (const [path, [type, text]] of Object.entries(pages)) {
    app.get(path, async (_, reply) => await reply.type(`${type}; charset=utf-8`).send(text))
  }
}
