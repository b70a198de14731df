/** The routes of a running gateway, as its own OpenAPI document tells. */
export interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
}

export interface Route {
  operationId: string
  method: string
  /** With `{id}` and `{ref}` in it. */
  path: string
  /** Empty where no sign-in is needed. */
  security?: readonly unknown[]
  parameters: readonly Parameter[]
  /** The properties of its JSON body. */
  fields: readonly string[]
}

interface Schema {
  $ref?: string
  properties?: Record<string, Schema>
  anyOf?: readonly Schema[]
}

interface Document {
  paths: Record<
    string,
    Record<
      string,
      Pick<Route, 'operationId' | 'security'> & {
        parameters?: readonly Parameter[]
        requestBody?: { content: Record<string, { schema: Schema }> }
      }
    >
  >
  components: { schemas: Record<string, Schema> }
}

export async function readRoutes(url: string): Promise<Route[]> {
  const { paths, components } = (await (await fetch(`${url}/api/openapi.json`)).json()) as Document
  const fieldsOf = (schema: Schema | undefined): string[] => {
    const name = schema?.$ref?.split('/').at(-1)
    if (name !== undefined) return fieldsOf(components.schemas[name])
    return [...Object.keys(schema?.properties ?? {}), ...(schema?.anyOf ?? []).flatMap(fieldsOf)]
  }
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, security, parameters = [], requestBody }]) => ({
      operationId,
      method: method.toUpperCase(),
      path,
      ...(security !== undefined && { security }),
      parameters,
      fields: fieldsOf(Object.values(requestBody?.content ?? {})[0]?.schema),
    })),
  )
}
