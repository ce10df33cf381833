import { MantineProvider } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { z } from 'zod'
import { onTurnedAway } from './api/turned-away.ts'
import { createQueryClient } from './api/queries.ts'
import { createConsoleRouter } from './routes.tsx'
import { LocaleProvider } from './words/locale-provider.tsx'

// The server's policy for contents lets no text be run as a program: zod need not try.
z.config({ jitless: true })

const client = createQueryClient()
const router = createConsoleRouter(client)

onTurnedAway((because) => {
  const { pathname, href } = router.state.location
  if (because === 'SECOND_FACTOR_NEEDED') return void router.navigate({ to: '/account' })
  if (pathname !== '/sign-in' && pathname !== '/set-up') {
    client.clear()
    void router.navigate({ to: '/sign-in', search: { to: href } })
  }
})

const place = document.getElementById('console')
if (place) {
  createRoot(place).render(
    <StrictMode>
      <MantineProvider
        theme={{ primaryColor: 'blue', fontFamily: 'var(--mantine-font-family)', cursorType: 'pointer' }}
        defaultColorScheme="auto"
        withCssVariables={false}
        withGlobalClasses={false}
      >
        <LocaleProvider>
          <QueryClientProvider client={client}>
            <RouterProvider router={router} />
          </QueryClientProvider>
        </LocaleProvider>
      </MantineProvider>
    </StrictMode>,
  )
}
