<<<<<<<< HEAD:src/secondsite/api/built_console/assets/edition-DLiaB3wc.js
import{It as e,Qt as t}from"./state-lOcFFCre.js";var n=`once`,r=()=>e.invalidateQueries({predicate:({queryKey:e})=>e[0]!==n});function i(e,r,i,a=!1){return t({queryKey:a?[n,r]:[`get`,e,r,`edition`],queryFn:async()=>{let{data:e,response:t}=await i();return{value:e,tag:t.headers.get(`etag`)??``}},staleTime:0,gcTime:0})}var a=e=>e?{header:{"if-match":e}}:{};export{a as n,i as r,r as t};
========
import{It as e,Qt as t}from"./state-D7u6l-si.js";var n=`once`,r=()=>e.invalidateQueries({predicate:({queryKey:e})=>e[0]!==n});function i(e,r,i,a=!1){return t({queryKey:a?[n,r]:[`get`,e,r,`edition`],queryFn:async()=>{let{data:e,response:t}=await i();return{value:e,tag:t.headers.get(`etag`)??``}},staleTime:0,gcTime:0})}var a=e=>e?{header:{"if-match":e}}:{};export{a as n,i as r,r as t};
>>>>>>>> cf17d07ba (The cancellation of a job is of the run of it that was read):src/secondsite/api/built_console/assets/edition-fcclcvGn.js
