import type { QueryClient } from '@tanstack/react-query'
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router'
import { readMe } from './api/calls.ts'
import { isFailure } from './api/failure.ts'
import { asking } from './api/queries.ts'
import { Failure, Loading } from './parts/states.tsx'
import { NotFound } from './shell/not-found.tsx'
import { Shell } from './shell/shell.tsx'

/** The addresses of the pages. Each page is a file that is loaded when it is opened first. */

interface RouterContext {
  readonly client: QueryClient
}

const root = createRootRouteWithContext<RouterContext>()({ component: Outlet, notFoundComponent: NotFound })

/**
 * What stands behind the '?' of an address, typed by anybody. What a page is not to have of it is said to be undefined: what
 * is not named at all would be handed on as it came.
 */
type Search = Readonly<Record<string, unknown>>

interface WantedBack {
  readonly text?: string | undefined
  readonly machine?: string | undefined
}

const text = (value: unknown) => (typeof value === 'string' ? value : undefined)

/** Only an address of this console: nobody is led elsewhere by a link that looks like ours. */
function ownAddress(value: unknown): string | undefined {
  return typeof value === 'string' && /^\/(?![/\\])/.test(value) ? value : undefined
}

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: ({ to }: Search): { readonly to?: string | undefined } => ({ to: ownAddress(to) }),
  component: lazyRouteComponent(async () => await import('./pages/sign-in/page.tsx'), 'SignInPage'),
})

const setUp = createRoute({
  getParentRoute: () => root,
  path: '/set-up',
  component: lazyRouteComponent(async () => await import('./pages/set-up/page.tsx'), 'SetUpPage'),
})

const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  component: Shell,
  async beforeLoad({ context: { client }, location }) {
    try {
      await client.ensureQueryData(asking(readMe, {}))
    } catch (thrown) {
      if (!isFailure(thrown, 'SIGN_IN_NEEDED')) throw thrown
      redirect({ to: '/sign-in', search: location.href === '/' ? {} : { to: location.href }, throw: true })
    }
  },
})

const home = createRoute({
  getParentRoute: () => shell,
  path: '/',
  component: lazyRouteComponent(async () => await import('./pages/home/page.tsx'), 'HomePage'),
})

const machines = createRoute({
  getParentRoute: () => shell,
  path: '/machines',
  validateSearch: ({ client }: Search): { readonly client?: string | undefined } => ({ client: text(client) }),
  component: lazyRouteComponent(async () => await import('./pages/machines/page.tsx'), 'MachinesPage'),
})

const machine = createRoute({
  getParentRoute: () => shell,
  path: '/machines/$machine',
  component: lazyRouteComponent(async () => await import('./pages/machine/page.tsx'), 'MachinePage'),
})

const operations = createRoute({
  getParentRoute: () => shell,
  path: '/operations',
  component: lazyRouteComponent(async () => await import('./pages/operations/page.tsx'), 'OperationsPage'),
})

const operation = createRoute({
  getParentRoute: () => shell,
  path: '/operations/$operation',
  component: lazyRouteComponent(async () => await import('./pages/operation/page.tsx'), 'OperationPage'),
})

const alerts = createRoute({
  getParentRoute: () => shell,
  path: '/alerts',
  component: lazyRouteComponent(async () => await import('./pages/alerts/page.tsx'), 'AlertsPage'),
})

const getBack = createRoute({
  getParentRoute: () => shell,
  path: '/get-back',
  validateSearch: ({ text: words, machine: of }: Search): WantedBack => ({ text: text(words), machine: text(of) }),
  component: lazyRouteComponent(async () => await import('./pages/get-back/page.tsx'), 'GetBackPage'),
})

const people = createRoute({
  getParentRoute: () => shell,
  path: '/people',
  component: lazyRouteComponent(async () => await import('./pages/people/page.tsx'), 'PeoplePage'),
})

const audit = createRoute({
  getParentRoute: () => shell,
  path: '/audit',
  component: lazyRouteComponent(async () => await import('./pages/audit/page.tsx'), 'AuditPage'),
})

const account = createRoute({
  getParentRoute: () => shell,
  path: '/account',
  component: lazyRouteComponent(async () => await import('./pages/account/page.tsx'), 'AccountPage'),
})

const attack = createRoute({
  getParentRoute: () => shell,
  path: '/attack',
  component: lazyRouteComponent(async () => await import('./pages/attack/page.tsx'), 'AttackPage'),
})

const approvals = createRoute({
  getParentRoute: () => shell,
  path: '/approvals',
  component: lazyRouteComponent(async () => await import('./pages/approvals/page.tsx'), 'ApprovalsPage'),
})

const kits = createRoute({
  getParentRoute: () => shell,
  path: '/kits',
  component: lazyRouteComponent(async () => await import('./pages/kits/page.tsx'), 'KitsPage'),
})

const told = createRoute({
  getParentRoute: () => shell,
  path: '/told',
  component: lazyRouteComponent(async () => await import('./pages/told/page.tsx'), 'ToldPage'),
})

const copies = createRoute({
  getParentRoute: () => shell,
  path: '/copies',
  component: lazyRouteComponent(async () => await import('./pages/copies/page.tsx'), 'CopiesPage'),
})

const pages = [
  home,
  machines,
  machine,
  operations,
  operation,
  alerts,
  getBack,
  people,
  audit,
  account,
  attack,
  approvals,
  kits,
  told,
  copies,
]
const routeTree = root.addChildren([signIn, setUp, shell.addChildren(pages)])

export function createConsoleRouter(client: QueryClient) {
  return createRouter({
    routeTree,
    context: { client },
    defaultPreload: 'intent',
    // Answers are kept by the queries, and how old they may be is theirs to say.
    defaultPreloadStaleTime: 0,
    scrollRestoration: true,
    defaultPendingMs: 200,
    defaultPendingComponent: Loading,
    defaultErrorComponent: ({ error }) => <Failure of={error} onRetry={() => location.reload()} />,
    defaultNotFoundComponent: NotFound,
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    readonly router: ReturnType<typeof createConsoleRouter>
  }
}
