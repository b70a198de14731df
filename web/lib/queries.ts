/** What the screens read: one hook per resource, polled while the tab is visible. */
import {
  infiniteQueryOptions,
  keepPreviousData,
  QueryClient,
  useInfiniteQuery,
  useQuery,
} from '@tanstack/react-query'
import type { UseQueryResult } from '@tanstack/react-query'
import type { Environment, Sample } from '../../server/protocol/api.ts'
import type { ApprovalList, Session, SessionList, Verification } from '../../server/protocol/session-api.ts'
import type { AuditList } from '../../server/protocol/audit-api.ts'
import type { Me, SignInOptions } from '../../server/protocol/sign-in-api.ts'
import type { PolicyExplanation } from '../../server/protocol/approval-api.ts'
import type { RunbookList } from '../../server/protocol/runbook-api.ts'
import type { TargetDetail, TargetList } from '../../server/protocol/target-api.ts'
import { ApiError } from './api-error.ts'
import { api, refPath } from './api.ts'

/** One request's worth. A list that is no longer than this is searched and sorted in the page. */
const targetsPerPage = 200

type Filters = Readonly<Record<string, string | undefined>>

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // A refusal stays a refusal; a missing answer, or one that was cut short, is worth another try.
      retry: (failures, cause) =>
        failures < 1 && cause instanceof ApiError && [0, 499, 504].includes(cause.status),
      retryDelay: 800,
      staleTime: 1000,
    },
  },
})

export function useMe(): UseQueryResult<Me> {
  return useQuery({
    queryKey: ['me'],
    queryFn: ({ signal }) => api<Me>('/me', { signal, onUnauthenticated: 'throw' }),
    staleTime: 60_000,
    refetchOnWindowFocus: false,
    // Every refusal counts against the address: the sign-in page need not hear it a second time.
    retryOnMount: false,
    refetchInterval: ({ state: { error } }) => (isProviderSilent(error) ? 5000 : false),
  })
}

/** The sign-in may be good still: who looks again later need not sign in. */
export function isProviderSilent(cause: unknown): boolean {
  return cause instanceof ApiError && cause.code === 'provider_unavailable'
}

export function useSignInOptions(): UseQueryResult<SignInOptions> {
  return useQuery({
    queryKey: ['sign-in-options'],
    queryFn: ({ signal }) => api<SignInOptions>('/auth/options', { signal, onUnauthenticated: 'throw' }),
    staleTime: 60_000,
  })
}

export function useEnvironments(): UseQueryResult<{ items: Environment[] }> {
  return useQuery({
    queryKey: ['environments'],
    queryFn: ({ signal }) => api<{ items: Environment[] }>('/environments', { signal }),
    // The dot in the top bar does not say for long that nothing is known when all is well again.
    refetchInterval: ({ state: { error } }) => (error === null ? 15_000 : 3000),
  })
}

/**
 * So many milliseconds for each page that is open. All pages of a list are asked again together, so the more there are the more
 * seldom: what a list asks in a minute does not grow, and leaves a person's budget to their other lists.
 */
function perPage(ms: number) {
  return ({ state: { data } }: { state: { data: { pages: unknown[] } | undefined } }): number =>
    ms * (data?.pages.length ?? 1)
}

/** In pages, so that a cluster of thousands of pods costs no more than what is looked at. */
export function useTargets(filters: Filters, enabled = true) {
  return useInfiniteQuery({
    queryKey: ['targets', filters],
    queryFn: ({ signal, pageParam }) =>
      api<TargetList>('/targets', {
        query: { ...filters, limit: targetsPerPage, cursor: pageParam },
        signal,
      }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
    refetchInterval: perPage(4000),
    staleTime: perPage(1000),
    placeholderData: keepPreviousData,
    enabled,
  })
}

/** The few that fit best, for the palette. */
export function useTargetSearch(words: string): UseQueryResult<TargetList> {
  return useQuery({
    queryKey: ['target-search', words],
    queryFn: ({ signal }) =>
      api<TargetList>('/targets', {
        query: { q: words, state: 'running,paused,restarting', limit: 30 },
        signal,
      }),
    placeholderData: keepPreviousData,
  })
}

/** `pick` says which pod of a workload. While another is asked for, the last answer stays. */
export function useTarget(
  ref: string,
  options: {
    pick?: string | undefined
    scope?: string | undefined
    process?: string
    enabled?: boolean
  } = {},
): UseQueryResult<TargetDetail> {
  const { pick, scope, enabled = true } = options
  const process = options.process === '' ? undefined : options.process
  return useQuery({
    queryKey: ['target', ref, pick ?? '', scope ?? '', process ?? ''],
    queryFn: ({ signal }) =>
      api<TargetDetail>(`/targets/${refPath(ref)}`, { query: { pick, scope, process }, signal }),
    refetchInterval: 5000,
    placeholderData: keepPreviousData,
    enabled,
  })
}

function withTerminal(list: SessionList): SessionList {
  return { ...list, items: list.items.filter((session) => session.run !== true) }
}

/** Those with a terminal to go back to: a run has none. */
export function useMyLiveSessions(): UseQueryResult<SessionList> {
  return useQuery({
    queryKey: ['sessions', 'mine-live'],
    queryFn: ({ signal }) =>
      api<SessionList>('/sessions', {
        query: { user: 'me', state: 'pending-approval,starting,running', limit: 20 },
        signal,
      }),
    select: withTerminal,
    refetchInterval: 5000,
  })
}

export function useSessions(filters: Filters) {
  return useInfiniteQuery(sessionListOptions(filters))
}

export function sessionListOptions(filters: Filters) {
  return infiniteQueryOptions({
    queryKey: ['sessions', 'list', filters],
    queryFn: ({ signal, pageParam }) =>
      api<SessionList>('/sessions', { query: { ...filters, cursor: pageParam }, signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
    refetchInterval: perPage(5000),
    staleTime: perPage(1000),
    placeholderData: keepPreviousData,
  })
}

export function useSession(id: string): UseQueryResult<Session> {
  return useQuery({
    queryKey: ['session', id],
    queryFn: ({ signal }) => api<Session>(`/sessions/${encodeURIComponent(id)}`, { signal }),
    refetchInterval: ({ state: { data } }) => {
      if (data?.state !== 'ended') return 3000
      // Its recording is sealed a moment after the end.
      return data.recording.state === 'live' ? 1000 : false
    },
  })
}

/** They change with the gateway's configuration only. */
export function useSessionRunbooks(id: string, enabled: boolean): UseQueryResult<RunbookList> {
  return useQuery({
    queryKey: ['session-runbooks', id],
    queryFn: ({ signal }) => api<RunbookList>(`/sessions/${encodeURIComponent(id)}/runbooks`, { signal }),
    staleTime: 60_000,
    refetchOnWindowFocus: false,
    enabled,
  })
}

/** Runs on demand only: it reads the whole recording. */
export function useVerification(id: string): UseQueryResult<Verification> {
  return useQuery({
    queryKey: ['verification', id],
    queryFn: ({ signal }) =>
      api<Verification>(`/sessions/${encodeURIComponent(id)}/verification`, { signal, timeoutMs: 120_000 }),
    enabled: false,
  })
}

/** What waits for me. The badge asks seldom until there is something; the page asks as long as it is open. */
export function useApprovals(where: 'page' | 'badge'): UseQueryResult<ApprovalList> {
  return useQuery({
    queryKey: ['approvals'],
    queryFn: ({ signal }) => api<ApprovalList>('/approvals', { signal }),
    refetchInterval: ({ state: { data } }) => {
      if (where === 'page') return 3000
      return data === undefined || data.requests.length + data.reviews.length === 0 ? 60_000 : 10_000
    },
  })
}

/** What policy says to one question, which {@link explainQueryOf} writes. Asked on demand. */
export function usePolicyExplanation(
  question: Readonly<Record<string, string>>,
  enabled: boolean,
): UseQueryResult<PolicyExplanation> {
  return useQuery({
    queryKey: ['policy-explanation', question],
    queryFn: ({ signal }) => api<PolicyExplanation>('/policy/explain', { query: question, signal }),
    refetchOnWindowFocus: false,
    enabled,
  })
}

export function useAudit(filters: Filters) {
  return useInfiniteQuery({
    queryKey: ['audit', filters],
    queryFn: ({ signal, pageParam }) =>
      api<AuditList>('/audit', { query: { ...filters, cursor: pageParam }, signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    // Reading the audit log is itself audited: not by itself, only when somebody asks.
    refetchOnWindowFocus: false,
  })
}

export function useSample(enabled: boolean): UseQueryResult<Sample> {
  return useQuery({
    queryKey: ['sample'],
    queryFn: ({ signal }) => api<Sample>('/sample', { signal }),
    enabled,
  })
}
